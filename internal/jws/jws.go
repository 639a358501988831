package jws

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// MaxSize is the length in bytes above which a compact token is refused unread.
const MaxSize = 8 << 10

// ErrInvalid is the one answer to every token that is refused. What wraps it says why in fixed words, for the log; it never
// holds anything that the token said.
var ErrInvalid = errors.New("the token is not valid")

// A Token is a compact JWS whose signature is good.
type Token struct {
	// Type is the header's typ (RFC 7515 §4.1.9), exactly as written; empty if there was none.
	Type string
	// Algorithm is the key's algorithm, which the header's alg repeated.
	Algorithm string
	// KeyID is the header's kid.
	KeyID string
	// Payload is what was signed; nothing has been read of it.
	Payload []byte
}

// Verify reads a compact JWS (RFC 7515 §3.1) and checks its signature by the key that find has under the token's kid. The
// algorithm is the key's, never the header's, which has to agree. The header may hold typ, alg and kid and nothing else, so
// that there is no crit, no key and no address to follow. A token has one string form: nobody without the key can write
// another that is accepted.
//
// find is called at most once, after the whole form has been checked, with the kid as it was written: any text up to the
// size of a token. Every error is ErrInvalid.
func Verify(compact string, find func(kid string) (algorithm string, key crypto.PublicKey, ok bool)) (Token, error) {
	p, err := parse(compact)
	if err != nil {
		return Token{}, err
	}
	if p.header.KeyID == "" {
		return Token{}, refuse("its header lacks a kid")
	}
	algorithm, key, ok := find(p.header.KeyID)
	if ok && p.header.Algorithm == algorithm && !canonical(algorithm, p.signature) {
		return Token{}, refuse("its signature is not in the one form")
	}
	return p.verify(algorithm, key, ok)
}

// VerifyForeign reads a compact JWS of somebody who has a key and, perhaps, a library of their own. It is as strict as
// Verify, but for three things that such tokens do: they may lack a kid, they may call EdDSA with an Ed25519 key Ed25519
// (RFC 9864 §2.2), and an ES256 signature may have either of its two forms. So a token may have a second string form.
//
// find also gets the payload, which nothing vouches for yet, to read whose key to look for.
func VerifyForeign(
	compact string, find func(kid string, payload []byte) (algorithm string, key crypto.PublicKey, ok bool),
) (Token, error) {
	p, err := parse(compact)
	if err != nil {
		return Token{}, err
	}
	if p.header.Algorithm == ed25519Name {
		p.header.Algorithm = edDSA
	}
	return p.verify(find(p.header.KeyID, p.payload))
}

// parts is a compact JWS that has the right form.
type parts struct {
	header    Token // without the payload
	input     string
	payload   []byte
	signature []byte
}

// parse takes a compact JWS apart.
func parse(compact string) (parts, error) {
	if len(compact) > MaxSize {
		return parts{}, refuse("it is longer than 8 KiB")
	}
	header, rest, _ := strings.Cut(compact, ".")
	payload, signature, ok := strings.Cut(rest, ".") // a fourth part would make the third malformed
	if !ok {
		return parts{}, refuse("it does not have three parts")
	}
	var decoded [3][]byte
	for i, segment := range [3]string{header, payload, signature} {
		b, err := decode(segment)
		if err != nil {
			return parts{}, err
		}
		decoded[i] = b
	}
	t, err := readHeader(decoded[0])
	if err != nil {
		return parts{}, err
	}
	input := compact[:len(header)+len(".")+len(payload)]
	return parts{header: t, input: input, payload: decoded[1], signature: decoded[2]}, nil
}

// verify checks the signature by a key that was found or not.
func (p parts) verify(algorithm string, key crypto.PublicKey, ok bool) (Token, error) {
	if !ok {
		return Token{}, refuse("its kid names no key")
	}
	if p.header.Algorithm != algorithm {
		return Token{}, refuse("its alg is not that of the key")
	}
	if err := VerifySignature(algorithm, key, []byte(p.input), p.signature); err != nil {
		return Token{}, err
	}
	t := p.header
	t.Payload = p.payload
	return t, nil
}

// decode reads canonical base64url (RFC 7515 §2): no padding, no spare bits. The decoder of the standard library would skip
// line breaks.
func decode(segment string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil || strings.ContainsAny(segment, "\r\n") {
		return nil, refuse("it is not canonical base64url")
	}
	return b, nil
}

// readHeader reads a JOSE header that holds alg, and perhaps kid and typ.
func readHeader(data []byte) (Token, error) {
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
			return refuse("its header has a member that is not allowed")
		}
		if value[0] != '"' {
			return refuse("its header has a member that is not a string")
		}
		text, err := unquote(value)
		*field = text
		return err
	})
	if err == nil && t.Algorithm == "" {
		err = refuse("its header lacks alg")
	}
	if err != nil {
		return Token{}, err
	}
	return t, nil
}

func refuse(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, why) }
