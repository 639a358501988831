package rpc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

const (
	defaultPage = 100
	maxPage     = 1000
	// maxPageBytes is how large an answer may become before the rest goes into the next page; clients of gRPC take 4 MiB.
	maxPageBytes = 1 << 20
	maxPageToken = 1 << 10
)

// A page token is the id of a MAC key, the first 16 bytes of HMAC-SHA-256(secret, pageLabel + length of list + list + cursor),
// and the cursor, in base64url. Any server of the issuer can read it, and nobody else can make one, so that no cursor reaches the
// store but those that came from it.
const (
	pageLabel   = "signet page token\x00"
	pageKey     = 8
	pageMAC     = 16
	pageMinimum = pageKey + pageMAC
)

// pages makes and reads page tokens.
type pages struct{ keys *keys.Manager }

// token returns the page token of a list that goes on behind cursor. list names the list and all that narrows it; a token is
// good for no other.
func (p pages) token(list, cursor string) (string, error) {
	id, secret, err := p.keys.CurrentMAC()
	if err != nil {
		return "", oauth.Unavailable(err)
	}
	token, err := hex.DecodeString(id)
	if err != nil || len(token) != pageKey {
		return "", oauth.Refused(oauth.ServerError, errors.New("the id of a MAC key is malformed"))
	}
	token = append(token, pageSum(secret, list, cursor)...)
	return base64.RawURLEncoding.EncodeToString(append(token, cursor...)), nil
}

// cursor returns what a page token of the list holds; the empty token begins the list.
func (p pages) cursor(ctx context.Context, list, token string) (string, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < pageMinimum || base64.RawURLEncoding.EncodeToString(b) != token {
		return "", foreignPage()
	}
	secret, err := p.keys.MAC(ctx, hex.EncodeToString(b[:pageKey]))
	if keys.Gone(err) {
		return "", foreignPage()
	} else if err != nil {
		return "", oauth.Unavailable(err)
	}
	cursor := string(b[pageMinimum:])
	if !hmac.Equal(b[pageKey:pageMinimum], pageSum(secret, list, cursor)) {
		return "", foreignPage()
	}
	return cursor, nil
}

func pageSum(secret []byte, list, cursor string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(pageLabel))
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(list))))
	h.Write([]byte(list + cursor))
	return h.Sum(nil)[:pageMAC]
}

func foreignPage() error {
	var v violations
	v.add("page_token", "must be the next_page_token of an answer to the same request")
	return v.err()
}

// page checks the fields of a request for a page.
func (v *violations) page(size int32, token string) {
	if size < 0 || size > maxPage {
		v.add("page_size", fmt.Sprintf("must be 0 to %d", maxPage))
	}
	v.bounded("page_token", token, maxPageToken)
}

// pageSize returns how many a page has at most.
func pageSize(asked int32) int {
	if asked == 0 {
		return defaultPage
	}
	return int(asked)
}

// cut returns the beginning of a list that fits into a page: at most limit, and no more than maxPageBytes, but one at least.
// more says that something is left.
func cut[T any, M proto.Message](list []T, limit int, encode func(T) M) (page []M, more bool) {
	size := 0
	for n, item := range list {
		m := encode(item)
		size += proto.Size(m)
		if n == limit || n > 0 && size > maxPageBytes {
			return page, true
		}
		page = append(page, m)
	}
	return page, false
}
