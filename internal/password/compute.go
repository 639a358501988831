package password

import "golang.org/x/crypto/argon2"

// A task is one hash to compute. What it names has been checked.
type task struct {
	// Foreign is the hash of another program that the password is held against. Without it a key of Size bytes is derived.
	Foreign  string
	Params   Params
	Salt     []byte
	Size     int
	Password []byte
}

// A finding is what a task comes to: a key, or whether it is the password of the foreign hash.
type finding struct {
	Key   []byte
	Match bool
}

func (t task) compute() (finding, error) {
	if t.Foreign == "" {
		p := t.Params
		return finding{Key: argon2.IDKey(t.Password, t.Salt, p.Iterations, p.Memory, p.Parallelism, uint32(t.Size))}, nil
	}
	f, known, err := parseForeign(t.Foreign)
	return finding{Match: known && err == nil && f.match(t.Password)}, err
}
