package password

// Dummy returns a hash that costs as much to verify as phc and that no password
// matches: phc with a salt and a key of zeros. ok is false if Check rejects
// phc.
func (h *Hasher) Dummy(phc string) (dummy string, ok bool) {
	if h.Check(phc) != nil {
		return "", false
	}
	if isNative(phc) {
		a, err := parseArgon2(phc)
		return a.dummy(), err == nil
	}
	imported, err := parseImported(phc)
	return imported.dummy, err == nil
}

// dummy returns the PHC string of the hash with a salt and a key of zeros.
func (h argon2Hash) dummy() string {
	return argon2Hash{h.params, make([]byte, len(h.salt)), make([]byte, len(h.key))}.String()
}
