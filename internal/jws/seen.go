package jws

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"sync"
)

// maxSeen is how many valid signatures a generation of ValidSignatures has.
const maxSeen = 4096

// ValidSignatures has the signatures that were found to be valid of late, so
// that a token that is verified again costs a hash and no public-key operation.
// It has at most 8,192 signatures, about 1 MB. It remembers signatures only:
// the caller decides each time whether the key and the claims are valid.
// The zero value is ready for use, also by several goroutines.
type ValidSignatures struct {
	mu sync.Mutex
	// When current is full, it becomes previous, and the signatures of previous
	// are forgotten.
	current, previous map[signatureID]crypto.PublicKey
}

// A signatureID is the SHA-256 hash of a token, which has only one form.
type signatureID [sha256.Size]byte

// verify verifies the signature of a token, or finds it in v. A nil v has none.
func (v *ValidSignatures) verify(algorithm string, key crypto.PublicKey, compact string, signature []byte) error {
	token := []byte(compact)
	var id signatureID
	if v != nil {
		if id = sha256.Sum256(token); v.has(id, key) {
			return nil
		}
	}
	input := token[:bytes.LastIndexByte(token, '.')] // RFC 7515 §2
	if err := VerifySignature(algorithm, key, input, signature); err != nil {
		return err
	}
	if v != nil {
		v.add(id, key)
	}
	return nil
}

// has reports whether the signature was found to be valid under this key.
func (v *ValidSignatures) has(id signatureID, key crypto.PublicKey) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen, ok := v.current[id]
	if !ok {
		seen, ok = v.previous[id]
	}
	k, hasEqual := seen.(interface{ Equal(crypto.PublicKey) bool })
	return ok && hasEqual && k.Equal(key)
}

// add remembers a signature that is valid under this key.
func (v *ValidSignatures) add(id signatureID, key crypto.PublicKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current == nil || len(v.current) >= maxSeen {
		v.previous, v.current = v.current, make(map[signatureID]crypto.PublicKey)
	}
	v.current[id] = key
}
