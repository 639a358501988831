package verify_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/signetd/signet/verify/verifytest"
)

// A feedCutter is an issuer whose feed can be unreachable while the rest works.
type feedCutter struct {
	*verifytest.Issuer
	cut atomic.Bool
}

func (c *feedCutter) RoundTrip(r *http.Request) (*http.Response, error) {
	isFeed := strings.HasSuffix(r.URL.Path, "/revocations")
	if isFeed && c.cut.Load() {
		return nil, errors.New("the feed is unreachable")
	}
	response, err := c.Issuer.RoundTrip(r)
	if isFeed && c.cut.Load() {
		return nil, errors.New("the feed is unreachable")
	}
	return response, err
}

func (c *feedCutter) client() *http.Client { return &http.Client{Transport: c} }
