package password

import "golang.org/x/crypto/argon2"

// A job is one hash to compute. Its fields have been validated. The fields are
// exported because package json sends a job to a worker.
type job struct {
	// Imported is the hash of another program that Password is compared with.
	// If it is empty, the job derives an argon2id key of Size bytes.
	Imported string
	Params   Params
	Salt     []byte
	Size     int
	Password []byte
	// CPUs is the number of CPUs that the budget counts for the job.
	CPUs int64
}

// A result is the output of a job: the derived key, or whether the password
// matches the imported hash.
type result struct {
	Key   []byte
	Match bool
}

// compute does the work of the job.
func (j job) compute() (result, error) {
	if j.Imported == "" {
		p := j.Params
		return result{Key: argon2.IDKey(j.Password, j.Salt, p.Iterations, p.Memory, p.Parallelism, uint32(j.Size))}, nil
	}
	h, err := parseImported(j.Imported)
	return result{Match: err == nil && h.match(j.Password)}, err
}
