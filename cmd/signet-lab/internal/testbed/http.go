package testbed

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
)

// dump returns a page with its status line and headers, as HTTP/1.1 text.
func dump(ctx context.Context, address string) ([]byte, error) {
	response, err := get(ctx, address)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return httputil.DumpResponse(response, true)
}

// get requests a page. It returns an error unless the status is 200.
func get(ctx context.Context, address string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err == nil && response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		err = fmt.Errorf("GET %s: %s", address, response.Status)
	}
	return response, err
}

// Ready returns an error unless the issuer is ready.
func (i *Issuer) Ready(ctx context.Context) error {
	response, err := get(ctx, "http://"+i.HTTP+"/readyz")
	if err != nil {
		return err
	}
	return response.Body.Close()
}
