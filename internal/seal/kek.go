package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
)

// A KEK is one key-encryption key: 256 bits for AES-256-GCM. Printing it shows
// its id, never the key.
type KEK struct {
	// ID identifies the KEK: 16 hexadecimal digits of a hash, which reveal
	// nothing about the key.
	ID string
	// secret is a function because fmt prints a function as an address with
	// every verb, even where fmt does not call String.
	secret func() *secret
}

type secret struct {
	raw   [32]byte
	check []byte
	aead  cipher.AEAD
}

// NewKEK generates a random KEK.
func NewKEK() KEK {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never returns an error; it crashes the program
	return newKEK(raw)
}

func newKEK(raw [32]byte) KEK {
	sum := sha256.Sum256(append([]byte("signet kek id\x00"), raw[:]...))
	id := hex.EncodeToString(sum[:8])
	mac := hmac.New(sha256.New, raw[:])
	mac.Write([]byte("signet kek check\x00" + id))

	block, err := aes.NewCipher(raw[:])
	if err != nil {
		panic(err) // impossible: 32 bytes are a valid AES key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // impossible: AES has the block size of GCM
	}
	s := &secret{raw: raw, check: mac.Sum(nil), aead: aead}
	return KEK{ID: id, secret: func() *secret { return s }}
}

// line returns the KEK as a line of a KEK file.
func (k KEK) line() string { return base64.StdEncoding.EncodeToString(k.secret().raw[:]) + "\n" }

// String returns the id of the KEK and hides the key.
func (k KEK) String() string { return "KEK " + k.ID }

// GoString returns the id of the KEK and hides the key.
func (k KEK) GoString() string { return k.String() }

// LogValue returns the id of the KEK and hides the key.
func (k KEK) LogValue() slog.Value { return slog.StringValue(k.String()) }

// KEKs is an immutable set of KEKs, oldest first. Printing it shows the ids.
type KEKs struct {
	keks []KEK
}

// A Label identifies a secret in the store. It is the associated data of the
// encryption, so Open rejects sealed bytes that were copied to another row.
type Label struct {
	// Table is the kind of the row, ID is the key of the row, and Algorithm is
	// the algorithm that uses the secret.
	Table, ID, Algorithm string
}

func (l Label) associatedData() []byte {
	ad := []byte("signet seal")
	for _, part := range []string{l.Table, l.ID, l.Algorithm} {
		ad = binary.BigEndian.AppendUint32(ad, uint32(len(part)))
		ad = append(ad, part...)
	}
	return ad
}

// Newest returns the id of the last KEK in the file.
func (k *KEKs) Newest() string { return k.keks[len(k.keks)-1].ID }

// Has reports whether the set contains the KEK with this id.
func (k *KEKs) Has(id string) bool {
	_, err := k.kek(id)
	return err == nil
}

// CheckValue returns the check value of the KEK with this id. Two KEKs with the
// same check value are equal. A check value reveals nothing about the KEK, so
// the store may hold it.
func (k *KEKs) CheckValue(id string) ([]byte, error) {
	kek, err := k.kek(id)
	if err != nil {
		return nil, err
	}
	return kek.secret().check, nil
}

// Seal encrypts plaintext under the KEK with this id and binds it to the label.
// It uses AES-256-GCM; the result begins with a random nonce.
func (k *KEKs) Seal(id string, label Label, plaintext []byte) ([]byte, error) {
	kek, err := k.kek(id)
	if err != nil {
		return nil, err
	}
	return kek.secret().aead.Seal(nil, nil, plaintext, label.associatedData()), nil
}

// Open decrypts the result of Seal with the same id and the same label. It
// returns an error for any other input.
func (k *KEKs) Open(id string, label Label, sealed []byte) ([]byte, error) {
	kek, err := k.kek(id)
	if err != nil {
		return nil, err
	}
	plaintext, err := kek.secret().aead.Open(nil, nil, sealed, label.associatedData())
	if err != nil {
		return nil, fmt.Errorf("open secret of %s %s, sealed with KEK %s: %w", label.Table, label.ID, id, err)
	}
	return plaintext, nil
}

func (k *KEKs) kek(id string) (KEK, error) {
	for _, kek := range k.keks {
		if kek.ID == id {
			return kek, nil
		}
	}
	return KEK{}, fmt.Errorf("the KEK file does not contain KEK %s", id)
}

// String returns the ids of the KEKs and hides the keys.
func (k KEKs) String() string {
	ids := make([]string, len(k.keks))
	for i, kek := range k.keks {
		ids[i] = kek.ID
	}
	return fmt.Sprintf("KEKs %v", ids)
}

// GoString returns the ids of the KEKs and hides the keys.
func (k KEKs) GoString() string { return k.String() }

// LogValue returns the ids of the KEKs and hides the keys.
func (k KEKs) LogValue() slog.Value { return slog.StringValue(k.String()) }
