package password

import "fmt"

// These constants are the lowest parameters of a new hash in production. They
// are a recommendation of the OWASP Password Storage Cheat Sheet.
const (
	minMemory      = 19 << 10 // KiB
	minIterations  = 2
	minParallelism = 1
)

// These constants are the highest parameters that a Hasher computes. They bound
// the work that a row of the database can cause.
const (
	maxMemory      = 256 << 10 // KiB
	maxIterations  = 10
	maxParallelism = 16
)

// Params are the cost parameters of argon2id (RFC 9106 §3.1).
type Params struct {
	// Memory is the memory size in KiB.
	Memory uint32
	// Iterations is the number of passes over the memory.
	Iterations uint32
	// Parallelism is the degree of parallelism: the number of threads that can
	// fill the memory.
	Parallelism uint8
}

// MinParams returns the lowest Params that New accepts in production: 19 MiB, 2
// passes, parallelism 1.
func MinParams() Params {
	return Params{Memory: minMemory, Iterations: minIterations, Parallelism: minParallelism}
}

// check returns an error if argon2id does not allow the parameters, or if they
// exceed the maximum.
func (p Params) check() error {
	if p.Iterations < 1 || p.Parallelism < 1 || p.Memory < 8*uint32(p.Parallelism) {
		return fmt.Errorf("invalid argon2id parameters %s", p)
	}
	if p.Memory > maxMemory || p.Iterations > maxIterations || p.Parallelism > maxParallelism {
		return fmt.Errorf("argon2id parameters %s exceed the maximum m=%d,t=%d,p=%d",
			p, maxMemory, maxIterations, maxParallelism)
	}
	return nil
}

// below reports whether at least one parameter is lower than in q.
func (p Params) below(q Params) bool {
	return p.Memory < q.Memory || p.Iterations < q.Iterations || p.Parallelism < q.Parallelism
}

// need returns the resources that one hash with the parameters takes.
func (p Params) need() resources {
	return resources{bytes: int64(p.Memory) << 10, cpus: int64(p.Parallelism)}
}

// String returns the parameters as in a PHC string: m=19456,t=2,p=1.
func (p Params) String() string {
	return fmt.Sprintf("m=%d,t=%d,p=%d", p.Memory, p.Iterations, p.Parallelism)
}

// resources are the memory and the CPUs that one hash takes while it is
// computed.
type resources struct{ bytes, cpus int64 }
