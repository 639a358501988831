package verifytest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// roundTrip is the method RoundTrip of an Issuer.
func (s *server) roundTrip(r *http.Request) (*http.Response, error) {
	var form []byte
	if r.Body != nil {
		var err error
		form, err = io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return nil, err
		}
	}
	if server := r.URL.Scheme + "://" + r.URL.Host; server != URL {
		return nil, fmt.Errorf("there is no server at %s: this issuer is %s", server, URL)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	switch err := r.Context().Err(); {
	case err != nil:
		return nil, err
	case s.cut:
		return nil, errCut
	}
	a, err := s.answer(r, form)
	if err != nil {
		return nil, err
	}
	return a.response(r), nil
}

// answer returns the answer to a request. The caller holds the mutex.
func (s *server) answer(r *http.Request, form []byte) (answer, error) {
	method := http.MethodGet
	var serve func() (answer, error)
	switch r.URL.Path {
	case openIDPath, oauthPath:
		serve = s.metadata
	case keysPath:
		serve = s.keySet
	case feedPath:
		serve = func() (answer, error) { return s.revocations(r) }
	case introspectPath:
		method, serve = http.MethodPost, func() (answer, error) { return s.introspect(r, form) }
	default:
		return failure(http.StatusNotFound), nil
	}
	if r.Method != method {
		return failure(http.StatusMethodNotAllowed), nil
	}
	return serve()
}
