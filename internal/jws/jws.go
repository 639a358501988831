package jws

import (
	"crypto"
	"encoding/base64"
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
	if err := p.readHeader(rejectMember); err != nil {
		return Token{}, err
	}
	if p.header.kid == "" {
		return Token{}, reject("header lacks kid")
	}
	algorithm, key, ok := find(p.header.kid)
	if !ok {
		return Token{}, reject("unknown kid")
	}
	if p.header.alg == algorithm && !canonical(algorithm, p.signature) {
		return Token{}, reject("signature is not canonical")
	}
	t, err := p.verify(algorithm, key, v)
	if err == nil && !p.cached {
		acceptedHeaders.add(p.encodedHeader, p.header)
	}
	return t, err
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
	if err := p.readHeader(checkForeignMember); err != nil {
		return Token{}, err
	}
	if p.header.alg == ed25519Name {
		p.header.alg = edDSA
	}
	algorithm, key, err := find(p.header.kid)
	if err != nil {
		return Token{}, err
	}
	return p.verify(algorithm, key, nil)
}

// parts are the parts of a compact JWS.
type parts struct {
	compact       string
	encodedHeader string
	header        header
	cached        bool // header is from acceptedHeaders, and rawHeader is nil

	rawHeader, payload, signature []byte // decoded
}

// decodeParts splits and decodes a compact JWS. It does not parse the header.
func decodeParts(compact string) (parts, error) {
	if len(compact) > MaxSize {
		return parts{}, reject("longer than 8 KiB")
	}
	// If there is a fourth part, the signature contains a dot, and decode
	// rejects it.
	header, rest, _ := strings.Cut(compact, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok {
		return parts{}, reject("does not have three parts")
	}

	p := parts{compact: compact, encodedHeader: header}
	var err error
	if p.header, p.cached = acceptedHeaders.get(header); !p.cached {
		if p.rawHeader, err = decode(header); err != nil {
			return parts{}, err
		}
	}
	// One buffer for both saves an allocation.
	buffer := make([]byte, 0, encoding.DecodedLen(len(payload))+encoding.DecodedLen(len(signature)))
	if buffer, err = appendDecoded(buffer, payload); err != nil {
		return parts{}, err
	}
	n := len(buffer)
	if buffer, err = appendDecoded(buffer, signature); err != nil {
		return parts{}, err
	}
	p.payload, p.signature = buffer[:n:n], buffer[n:]
	return p, nil
}

// readHeader parses the header, unless it was cached.
func (p *parts) readHeader(other func(name string) error) (err error) {
	if !p.cached {
		p.header, err = readHeader(string(p.rawHeader), other)
	}
	return err
}

// verify verifies the signature with the key that a find function returned.
func (p *parts) verify(algorithm string, key crypto.PublicKey, seen *ValidSignatures) (Token, error) {
	if p.header.alg != algorithm {
		return Token{}, reject("alg differs from the algorithm of the key")
	}
	if err := seen.verify(algorithm, key, p.compact, p.signature); err != nil {
		return Token{}, err
	}
	return Token{Type: p.header.typ, Algorithm: algorithm, KeyID: p.header.kid, Payload: p.payload}, nil
}

// encoding rejects padding, and trailing bits that are not zero.
var encoding = base64.RawURLEncoding.Strict()

// decode decodes canonical base64url (RFC 7515 §2).
func decode(segment string) ([]byte, error) { return appendDecoded(nil, segment) }

// appendDecoded is decode, and appends the bytes. It rejects line breaks, which
// the decoder of the standard library ignores.
func appendDecoded(to []byte, segment string) ([]byte, error) {
	b, err := encoding.AppendDecode(to, []byte(segment))
	if err != nil || strings.Contains(segment, "\r") || strings.Contains(segment, "\n") {
		return nil, reject("not canonical base64url")
	}
	return b, nil
}
