package revocation

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strconv"
)

// A Kind is what an entry concerns. The numbers are part of the wire format.
type Kind byte

// The kinds. An entry of the first three refuses a token that names its text.
// An entry of the others concerns tokens that were minted before its moment.
const (
	Grant           Kind = 1 // the sid claim
	Token           Kind = 2 // the jti claim
	Key             Kind = 3 // the kid parameter of the header
	Subject         Kind = 4 // the sub claim
	SubjectAtClient Kind = 5 // the sub and client_id claims
	Client          Kind = 6 // the client_id claim
	Audience        Kind = 7 // one of the values of aud
	Exempt          Kind = 8 // the sid claim: waives Subject and SubjectAtClient
	All             Kind = 9 // the iss claim
)

// kindNames has the names of the kinds.
var kindNames = [...]string{
	Grant: "grant", Token: "token", Key: "key", Subject: "subject", SubjectAtClient: "subject_at_client",
	Client: "client", Audience: "audience", Exempt: "exempt", All: "all",
}

// String returns the name of the kind, such as subject_at_client.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// A Hash names what an entry concerns without revealing it, not even its kind:
// it is the first 64 bits of the SHA-256 hash of kind and text. It is never
// zero.
type Hash uint64

// Hash returns the hash of an entry of the kind about a text. SubjectAtClient
// has a hash of its own, HashSubjectAtClient.
func (k Kind) Hash(text string) Hash {
	var buffer [256]byte // on the stack, and long enough for most texts
	return sum(append(append(buffer[:0], byte(k)), text...))
}

// HashSubjectAtClient returns the hash of an entry about the tokens of a
// subject that were issued to one client. A subject has no zero byte, so the
// hash is unambiguous.
func HashSubjectAtClient(subject, clientID string) Hash {
	var buffer [512]byte
	b := append(append(buffer[:0], byte(SubjectAtClient)), subject...)
	return sum(append(append(b, 0), clientID...))
}

func sum(b []byte) Hash {
	digest := sha256.Sum256(b)
	// Zero marks an empty slot of a Table. One hash for two texts is as
	// unlikely as any other collision.
	return max(1, Hash(binary.BigEndian.Uint64(digest[:])))
}

// An Entry is one revocation as verifiers see it.
type Entry struct {
	Hash Hash
	// Before is the moment of the entry, in microseconds since 1970.
	Before int64
}

// EntrySize is the length of an encoded entry.
const EntrySize = 16

// errEntries is the error of DecodeEntries.
var errEntries = errors.New("revocation entries are malformed")

// AppendEntry appends the encoded entry: the hash and the moment, eight bytes
// each, in big-endian order.
func AppendEntry(to []byte, e Entry) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(to, uint64(e.Hash)), uint64(e.Before))
}

// DecodeEntries decodes entries that stand one after the other. It returns an
// error if the length is not a multiple of EntrySize, a hash is zero, or a
// moment is not after 1970.
func DecodeEntries(b []byte) ([]Entry, error) {
	if len(b)%EntrySize != 0 {
		return nil, errEntries
	}
	entries := make([]Entry, 0, len(b)/EntrySize)
	for ; len(b) > 0; b = b[EntrySize:] {
		e := Entry{Hash(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}
		if e.Hash == 0 || e.Before <= 0 {
			return nil, errEntries
		}
		entries = append(entries, e)
	}
	return entries, nil
}
