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

// A KEK is one key-encryption key: 256 bits for AES-256-GCM. It prints as its id, never as itself.
type KEK struct {
	// ID names the KEK: 16 hexadecimal digits of a hash, which tell nothing about it.
	ID string
	// secret is a function because fmt prints one as an address under every verb, also where it does not call String.
	secret func() *secret
}

type secret struct {
	raw   [32]byte
	check []byte
	aead  cipher.AEAD
}

// NewKEK makes a fresh KEK.
func NewKEK() KEK {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // It never fails: the runtime ends the program instead.
	return newKEK(raw)
}

func newKEK(raw [32]byte) KEK {
	sum := sha256.Sum256(append([]byte("signet kek id\x00"), raw[:]...))
	id := hex.EncodeToString(sum[:8])
	mac := hmac.New(sha256.New, raw[:])
	mac.Write([]byte("signet kek check\x00" + id))
	block, err := aes.NewCipher(raw[:])
	if err != nil {
		panic(err) // 32 bytes are always an AES key.
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES always fits GCM.
	}
	made := &secret{raw: raw, check: mac.Sum(nil), aead: aead}
	return KEK{ID: id, secret: func() *secret { return made }}
}

// line returns the KEK as a line of a KEK file.
func (k KEK) line() string { return base64.StdEncoding.EncodeToString(k.secret().raw[:]) + "\n" }

// String hides the KEK behind its id.
func (k KEK) String() string { return "KEK " + k.ID }

// GoString hides the KEK behind its id.
func (k KEK) GoString() string { return k.String() }

// LogValue hides the KEK behind its id.
func (k KEK) LogValue() slog.Value { return slog.StringValue(k.String()) }

// KEKs is a set of KEKs, oldest first. It does not change once made. It prints as its ids.
type KEKs struct {
	keks []KEK
}

// A Label says what is sealed. It is bound to the sealed bytes as associated data, so that they open nowhere else.
type Label struct {
	// Table is the kind of row, ID the row's key, Algorithm what the secret is for.
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

// Newest returns the id of the KEK that stands last in its file.
func (k *KEKs) Newest() string { return k.keks[len(k.keks)-1].ID }

// Has says whether the KEK of that id is in the set.
func (k *KEKs) Has(id string) bool {
	_, err := k.kek(id)
	return err == nil
}

// Check returns the check value of a KEK: it proves the KEK and gives nothing of it away, so the store may keep it.
func (k *KEKs) Check(id string) ([]byte, error) {
	kek, err := k.kek(id)
	if err != nil {
		return nil, err
	}
	return kek.secret().check, nil
}

// Seal encrypts plaintext under the KEK of that id and binds it to the label (AES-256-GCM; a random nonce stands in front).
func (k *KEKs) Seal(id string, label Label, plaintext []byte) ([]byte, error) {
	kek, err := k.kek(id)
	if err != nil {
		return nil, err
	}
	return kek.secret().aead.Seal(nil, nil, plaintext, label.associatedData()), nil
}

// Open decrypts what Seal made under the KEK of that id with the same label. Everything else is an error.
func (k *KEKs) Open(id string, label Label, sealed []byte) ([]byte, error) {
	kek, err := k.kek(id)
	if err != nil {
		return nil, err
	}
	plaintext, err := kek.secret().aead.Open(nil, nil, sealed, label.associatedData())
	if err != nil {
		return nil, fmt.Errorf("open what the KEK %s sealed for %s %s: %w", id, label.Table, label.ID, err)
	}
	return plaintext, nil
}

func (k *KEKs) kek(id string) (KEK, error) {
	for _, kek := range k.keks {
		if kek.ID == id {
			return kek, nil
		}
	}
	return KEK{}, fmt.Errorf("the KEK file does not have the KEK %s", id)
}

// String hides the KEKs behind their ids.
func (k KEKs) String() string {
	ids := make([]string, len(k.keks))
	for i, kek := range k.keks {
		ids[i] = kek.ID
	}
	return fmt.Sprintf("KEKs %v", ids)
}

// GoString hides the KEKs behind their ids.
func (k KEKs) GoString() string { return k.String() }

// LogValue hides the KEKs behind their ids.
func (k KEKs) LogValue() slog.Value { return slog.StringValue(k.String()) }
