package page

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc/validate"
	"github.com/signetd/signet/keys"
)

// A page token is base64url of
//
//	 8 bytes  the id of a MAC key
//	16 bytes  HMAC-SHA-256(secret, label + length of list + list + cursor)
//	the rest  cursor
//
// The HMAC is truncated to its first 16 bytes. All servers of the issuer can
// make and read page tokens, and others cannot make one. So every cursor that
// reaches the store comes from the store.
const (
	tokenLabel = "signet page token\x00"
	keySize    = 8
	macSize    = 16
	minSize    = keySize + macSize
)

// Tokens makes and reads page tokens.
type Tokens struct {
	// Keys has the MAC keys.
	Keys *keys.Manager
}

// Make returns the token of the page that begins after cursor. list names the
// list and its filters; the token is valid for this list only.
func (t Tokens) Make(list, cursor string) (string, error) {
	id, secret, err := t.Keys.CurrentMAC()
	if err != nil {
		return "", oauth.Unavailable(err)
	}
	token, err := hex.DecodeString(id)
	if err != nil || len(token) != keySize {
		return "", oauth.Refused(oauth.ServerError, errors.New("the id of a MAC key is malformed"))
	}
	token = append(token, authenticator(secret, list, cursor).Bytes()...)
	return base64.RawURLEncoding.EncodeToString(append(token, cursor...)), nil
}

// Cursor returns the cursor in a page token of the list. The empty token
// requests the first page and has the empty cursor. A token that Make has not
// made for this list is invalid_request.
func (t Tokens) Cursor(ctx context.Context, list, token string) (string, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < minSize || base64.RawURLEncoding.EncodeToString(b) != token {
		return "", invalidToken()
	}

	secret, err := t.Keys.MAC(ctx, hex.EncodeToString(b[:keySize]))
	if keys.IsUnusable(err) {
		return "", invalidToken()
	} else if err != nil {
		return "", oauth.Unavailable(err)
	}
	cursor := string(b[minSize:])
	if !authenticator(secret, list, cursor).Equal(oauth.NewDigest(b[keySize:minSize])) {
		return "", invalidToken()
	}
	return cursor, nil
}

// authenticator returns the MAC of a page token. The length of list separates
// list from cursor.
func authenticator(secret []byte, list, cursor string) oauth.Digest {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(tokenLabel))
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(list))))
	h.Write([]byte(list + cursor))
	return oauth.NewDigest(h.Sum(nil)[:macSize])
}

func invalidToken() error {
	var v validate.Violations
	v.Add("page_token", "must be the next_page_token of a response to the same request")
	return v.Err()
}
