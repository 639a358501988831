package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Statement 13 of docs/browser.md: signet.js has less than 4 KiB with gzip.
func TestScript_Size(t *testing.T) {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	if _, err := w.Write(scriptSource); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d with gzip", len(scriptSource), compressed.Len())
	if compressed.Len() >= 4096 {
		t.Errorf("signet.js has %d bytes with gzip, want less than 4096", compressed.Len())
	}
}

// A page loads the files from any origin. Caches check them every five minutes.
func TestScript_Headers(t *testing.T) {
	f := newFixture(t)
	const current, immutable = "public, max-age=300, must-revalidate", "public, max-age=31536000, immutable"
	for _, file := range []struct {
		path, contentType, cacheControl string
		content                         []byte
	}{
		{"/session/signet.js", "text/javascript; charset=utf-8", current, scriptSource},
		{"/session/signet.d.ts", "text/plain; charset=utf-8", current, scriptTypes},
		{Script().Path, "text/javascript; charset=utf-8", immutable, scriptSource},
	} {
		for _, encoding := range []string{"", "gzip"} {
			res, body := f.getFile(t, file.path, http.Header{"Accept-Encoding": {encoding}})
			if encoding == "gzip" {
				r, err := gzip.NewReader(bytes.NewReader(body))
				if err != nil {
					t.Fatalf("%s with gzip: %v", file.path, err)
				}
				if body, err = io.ReadAll(r); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(body, file.content) {
				t.Errorf("%s with the encoding %q has another content than the file", file.path, encoding)
			}

			want := map[string]string{
				"Content-Type": file.contentType, "Cache-Control": file.cacheControl, "Vary": "Accept-Encoding",
				"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin",
				"X-Content-Type-Options": "nosniff", "Content-Encoding": encoding,
			}
			got := make(map[string]string)
			for name := range want {
				got[name] = res.Header.Get(name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("headers of %s with the encoding %q (-want +got):\n%s", file.path, encoding, diff)
			}

			match := http.Header{"Accept-Encoding": {encoding}, "If-None-Match": {res.Header.Get("Etag")}}
			if again, _ := f.getFile(t, file.path, match); again.StatusCode != http.StatusNotModified {
				t.Errorf("%s with the encoding %q and its own ETag: status %d", file.path, encoding, again.StatusCode)
			}
		}
	}
}

// The two forms of a file have different ETags, because they differ in bytes
// (RFC 9110 §8.8.3.3).
func TestScript_ETagOfEachForm(t *testing.T) {
	f := newFixture(t)
	plain, _ := f.getFile(t, "/session/signet.js", http.Header{"Accept-Encoding": {"gzip;q=0"}})
	compressed, _ := f.getFile(t, "/session/signet.js", http.Header{"Accept-Encoding": {"br, gzip;q=0.5"}})
	if a, b := plain.Header.Get("Etag"), compressed.Header.Get("Etag"); a == b || a == "" || b == "" {
		t.Errorf("the ETags are %q and %q, want two", a, b)
	}
}

// The integrity value is that of the bytes at the path of Script.
func TestScript_Integrity(t *testing.T) {
	f := newFixture(t)
	_, body := f.getFile(t, Script().Path, http.Header{})
	sum := sha512.Sum384(body)
	if want := "sha384-" + base64.StdEncoding.EncodeToString(sum[:]); Script().Integrity != want {
		t.Errorf("Script returns the integrity %q, want %q", Script().Integrity, want)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "br": false, "gzip": true, "br, GZIP": true, "gzip;q=0": false, "gzip; Q=0.000": false,
		"gzip ; q=0.1": true, "gzip;q=x": false, "xgzip": false, "identity;q=0, gzip": true,
	} {
		if got := acceptsGzip([]string{value}); got != want {
			t.Errorf("acceptsGzip(%q) = %v, want %v", value, got, want)
		}
	}
}

// getFile requests a file, and does not decompress the response.
func (f *fixture) getFile(t *testing.T, path string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header.Clone()
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}
