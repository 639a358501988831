package jws

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// MaxSize is the maximum length in bytes of a compact token. Verify rejects a
// longer token before it parses anything.
const MaxSize = 8 << 10

// A Token is a compact JWS with a valid signature.
type Token struct {
	// Type is the typ of the header (RFC 7515 §4.1.9), exactly as written. It
	// is empty if the header has no typ.
	Type string
	// Algorithm is the algorithm of the key. The alg of the header is equal.
	Algorithm string
	// KeyID is the kid of the header.
	KeyID string
	// Payload is the signed content. The package does not parse it.
	Payload []byte
}

// Verify parses a compact JWS (RFC 7515 §3.1) and verifies its signature with
// the key that find returns for the kid of the token.
//
// The key determines the algorithm, and the alg of the header must be equal.
// The header may contain only typ, alg and kid. So it cannot contain crit, a
// key or the URL of a key. A token has one string form: without the private
// key, nobody can construct another form that Verify accepts.
//
// Verify calls find at most once, after it has checked the form of the whole
// token. The kid can be any text up to the size of a token. Every error is
// ErrInvalid.
func Verify(compact string, find func(kid string) (algorithm string, key crypto.PublicKey, ok bool)) (Token, error) {
	var none *ValidSignatures
	return none.Verify(compact, find)
}

// Verify is the function Verify, but does not verify a signature again that it
// found to be valid before. A nil v remembers none.
func (v *ValidSignatures) Verify(
	compact string, find func(kid string) (algorithm string, key crypto.PublicKey, ok bool),
) (Token, error) {
	p, err := decodeParts(compact)
	if err != nil {
		return Token{}, err
	}
	if p.header, err = readHeader(p.rawHeader, rejectMember); err != nil {
		return Token{}, err
	}
	if p.header.KeyID == "" {
		return Token{}, reject("header lacks kid")
	}
	algorithm, key, ok := find(p.header.KeyID)
	if !ok {
		return Token{}, reject("unknown kid")
	}
	if p.header.Algorithm == algorithm && !canonical(algorithm, p.signature) {
		return Token{}, reject("signature is not canonical")
	}
	return p.verify(algorithm, key, v)
}

// VerifyForeign verifies a compact JWS that another party signed, perhaps with
// its own JWT library. It differs from Verify in these points:
//
//   - The header may lack a kid.
//   - The header may contain other members, such as cty, x5t, x5t#S256 or x5c.
//     They are ignored (RFC 7515 §4). Members that name a key or change the
//     meaning of the token are rejected: jwk, jku, x5u, crit and b64.
//   - The alg may be Ed25519 (RFC 9864 §2.2) for EdDSA with an Ed25519 key.
//   - An ES256 signature may have either of its two forms, so a token may have
//     a second string form.
//
// VerifyForeign calls read with the payload before it looks at the header and
// calls find, so that read can find out whose key find must return. The payload
// is not verified at that time. VerifyForeign returns the errors of read and
// find as they are.
func VerifyForeign(
	compact string, read func(payload []byte) error,
	find func(kid string) (algorithm string, key crypto.PublicKey, err error),
) (Token, error) {
	p, err := decodeParts(compact)
	if err != nil {
		return Token{}, err
	}
	if err := read(p.payload); err != nil {
		return Token{}, err
	}
	if p.header, err = readHeader(p.rawHeader, checkForeignMember); err != nil {
		return Token{}, err
	}
	if p.header.Algorithm == ed25519Name {
		p.header.Algorithm = edDSA
	}
	algorithm, key, err := find(p.header.KeyID)
	if err != nil {
		return Token{}, err
	}
	return p.verify(algorithm, key, nil)
}

// parts are the decoded parts of a compact JWS.
type parts struct {
	rawHeader []byte
	header    Token  // rawHeader, parsed; without the payload
	input     string // the signing input (RFC 7515 §2)
	payload   []byte
	signature []byte
}

// decodeParts splits and decodes a compact JWS. It does not parse the header.
func decodeParts(compact string) (parts, error) {
	if len(compact) > MaxSize {
		return parts{}, reject("longer than 8 KiB")
	}
	header, rest, _ := strings.Cut(compact, ".")
	// If there is a fourth part, the signature contains a dot, and decode
	// rejects it.
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok {
		return parts{}, reject("does not have three parts")
	}

	var decoded [3][]byte
	for i, segment := range [3]string{header, payload, signature} {
		b, err := decode(segment)
		if err != nil {
			return parts{}, err
		}
		decoded[i] = b
	}

	input := compact[:len(header)+len(".")+len(payload)]
	return parts{rawHeader: decoded[0], input: input, payload: decoded[1], signature: decoded[2]}, nil
}

// verify verifies the signature with the key that a find function returned.
func (p parts) verify(algorithm string, key crypto.PublicKey, seen *ValidSignatures) (Token, error) {
	if p.header.Algorithm != algorithm {
		return Token{}, reject("alg differs from the algorithm of the key")
	}
	if err := seen.verify(algorithm, key, []byte(p.input), p.signature); err != nil {
		return Token{}, err
	}
	t := p.header
	t.Payload = p.payload
	return t, nil
}

// decode decodes canonical base64url (RFC 7515 §2): no padding, and no trailing
// bits that are not zero. It rejects line breaks, which the decoder of the
// standard library ignores.
func decode(segment string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil || strings.ContainsAny(segment, "\r\n") {
		return nil, reject("not canonical base64url")
	}
	return b, nil
}

// readHeader parses a JOSE header. The header must contain alg; it may contain
// kid and typ. For every other member, readHeader returns the error of other,
// or ignores the member if there is none.
func readHeader(data []byte, other func(name string) error) (Token, error) {
	var t Token
	err := walk(data, func(name string, value json.RawMessage) error {
		var field *string
		switch name {
		case "typ":
			field = &t.Type
		case "alg":
			field = &t.Algorithm
		case "kid":
			field = &t.KeyID
		default:
			return other(name)
		}
		if value[0] != '"' {
			return reject("header has a member that is not a string")
		}
		text, err := unquote(value)
		*field = text
		return err
	})
	if err == nil && t.Algorithm == "" {
		err = reject("header lacks alg")
	}
	if err != nil {
		return Token{}, err
	}
	return t, nil
}

// rejectMember rejects every further member of a header.
func rejectMember(string) error { return reject("header has a member that is not allowed") }

// checkForeignMember rejects a further member of a header if it names a key, or
// if it must not be ignored (RFC 7515 §4.1.11, RFC 7797 §6). It also rejects
// these names, and those of the known members, in another case: a verifier that
// ignores case would read them.
func checkForeignMember(name string) error {
	switch strings.ToLower(name) {
	case "jwk", "jku", "x5u":
		return reject("header has a key or the URL of a key")
	case "crit", "b64":
		return reject("header has crit or b64")
	case "typ", "alg", "kid":
		return reject("header has typ, alg or kid in another case")
	}
	return nil
}
