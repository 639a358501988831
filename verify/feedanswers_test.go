package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/verify/verifytest"
)

// changeFeed returns a function for link.change that changes the answers of the
// feed.
func changeFeed(f func(*revocation.Answer)) func(string, http.Header, []byte) []byte {
	return func(path string, _ http.Header, body []byte) []byte {
		if path != feedPath {
			return body
		}
		var a revocation.Answer
		if err := json.Unmarshal(body, &a); err != nil {
			panic(err)
		}
		f(&a)
		body, err := json.Marshal(a)
		if err != nil {
			panic(err)
		}
		return body
	}
}

// headOf returns the payload of a head.
func headOf(s revocation.Segment) (h revocation.Head) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(s.Head, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &h)
	}
	if err != nil {
		panic(err)
	}
	return h
}

// sign returns a segment with these entries, signed by the issuer.
func sign(issuer *verifytest.Issuer, h revocation.Head, entries ...revocation.Entry) revocation.Segment {
	var encoded []byte
	for _, e := range entries {
		encoded = revocation.AppendEntry(encoded, e)
	}
	h.Sum = revocation.Sum(encoded)
	return revocation.Segment{
		Head: signHead(issuer, revocation.HeadType, h), Entries: base64.RawURLEncoding.EncodeToString(encoded),
	}
}

// signHead signs a head as it is.
func signHead(issuer *verifytest.Issuer, typ string, h revocation.Head) string {
	payload, err := json.Marshal(h)
	if err != nil {
		panic(err)
	}
	kid, _ := issuer.Key("EdDSA")
	return issuer.Sign("EdDSA", fmt.Sprintf(`{"typ":%q,"alg":"EdDSA","kid":%q}`, typ, kid), string(payload))
}
