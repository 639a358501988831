package storetest

import (
	"pgregory.net/rapid"
)

// userOperations are the operations on users.
type userOperations struct{ *pair }

func (p userOperations) createUser() {
	u := aUser(p.name())
	p.change("CreateUser", func(s Store) error { return s.CreateUser(p.ctx, u) })
}

func (p userOperations) rehash() {
	id, old := "usr_"+p.name(), "$argon2id$"+p.name()
	p.change("Rehash", func(s Store) error { return s.Rehash(p.ctx, id, old, old+" again") })
}

func (p userOperations) disable() {
	name := p.name()
	p.change("DisableUser", func(s Store) error { return ended(s.DisableUser(p.ctx, name, operator)) })
}

func (p userOperations) enable() {
	name := p.name()
	p.change("EnableUser", func(s Store) error { return s.EnableUser(p.ctx, name) })
}

func (p userOperations) setPassword() {
	name := p.name()
	p.change("SetPassword", func(s Store) error {
		return ended(s.SetPassword(p.ctx, name, "$argon2id$"+name, operator))
	})
}

func (p userOperations) changePassword() {
	name, except := p.name(), p.grantID()
	old := mostly(p.t, "$argon2id$"+name, p.name)
	p.change("ChangePassword", func(s Store) error {
		return changePasswordOf(p.ctx, s, "usr_"+name, old, "$argon2id$"+name, except)
	})
}

func (p userOperations) setClaims() {
	name := p.name()
	claims := rapid.MapOfN(rapid.String(), rapid.Float64(), 0, 3).Draw(p.t, "claims")
	p.change("SetClaims", func(s Store) error {
		some := map[string]any{}
		for k, v := range claims {
			some[k] = v
		}
		return s.SetClaims(p.ctx, name, some)
	})
}

func (p userOperations) deleteUser() {
	name := p.name()
	p.change("DeleteUser", func(s Store) error { return ended(s.DeleteUser(p.ctx, name, operator)) })
}
