package revocation

// Claims are what entries can concern in an access token.
type Claims struct {
	GrantID  string // sid; empty for a token without a grant
	TokenID  string // jti
	KeyID    string // kid
	Subject  string
	ClientID string
	Audience []string
	Issuer   string
	MintedAt int64 // see the function MintedAt
}

// Hashes returns the hashes of all entries that can refuse a token with these
// claims.
func (c Claims) Hashes() []Hash {
	hashes := make([]Hash, 0, 7+len(c.Audience))
	if c.GrantID != "" {
		hashes = append(hashes, Grant.Hash(c.GrantID))
	}
	hashes = append(hashes, Token.Hash(c.TokenID), Key.Hash(c.KeyID), Client.Hash(c.ClientID), All.Hash(c.Issuer),
		Subject.Hash(c.Subject), HashSubjectAtClient(c.Subject, c.ClientID))
	for _, audience := range c.Audience {
		hashes = append(hashes, Audience.Hash(audience))
	}
	return hashes
}

// Refuses returns the kind of the entry that refuses a token with these claims,
// or zero. Of several moments that concern the token, each counts for itself.
// It allocates nothing, and computes at most four hashes for a token whose key,
// client, audiences and issuer it has seen before. Call it for tokens whose
// signature is valid: texts of other tokens would take the places of these.
func (t *Table) Refuses(c Claims) Kind {
	if t.slots.Load() == nil {
		return 0
	}
	switch {
	case c.GrantID != "" && t.has(Grant.Hash(c.GrantID)):
		return Grant
	case t.has(Token.Hash(c.TokenID)):
		return Token
	case t.has(t.names.hash(Key, c.KeyID)):
		return Key
	case t.after(t.names.hash(Client, c.ClientID), c.MintedAt):
		return Client
	case t.after(t.names.hash(All, c.Issuer), c.MintedAt):
		return All
	}
	for _, audience := range c.Audience {
		if t.after(t.names.hash(Audience, audience), c.MintedAt) {
			return Audience
		}
	}
	return t.refusesSubject(c)
}

// refusesSubject returns the kind of the entry about the subject that refuses
// the token, unless the grant of the token is exempt from the entry.
func (t *Table) refusesSubject(c Claims) Kind {
	exempt := int64(-1)
	for _, e := range [...]struct {
		kind Kind
		hash Hash
	}{
		{Subject, Subject.Hash(c.Subject)},
		{SubjectAtClient, HashSubjectAtClient(c.Subject, c.ClientID)},
	} {
		before, ok := t.Get(e.hash)
		if !ok || c.MintedAt >= before {
			continue
		}
		if exempt < 0 {
			exempt = t.exemptUntil(c.GrantID)
		}
		if before > exempt {
			return e.kind
		}
	}
	return 0
}

// exemptUntil returns the moment up to which entries about its subject do not
// concern a grant, or zero.
func (t *Table) exemptUntil(grantID string) int64 {
	if grantID == "" {
		return 0
	}
	until, _ := t.Get(Exempt.Hash(grantID))
	return until
}

func (t *Table) has(h Hash) bool {
	_, ok := t.Get(h)
	return ok
}

// after reports whether the moment of the entry is after that of the token.
func (t *Table) after(h Hash, minted int64) bool {
	before, ok := t.Get(h)
	return ok && minted < before
}
