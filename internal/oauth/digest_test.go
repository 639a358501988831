package oauth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

// Rule 73: The operator == does not compile for digests, so that they are
// compared by Equal, in constant time.
func TestRule73_DigestIsNotComparable(t *testing.T) {
	if reflect.TypeFor[Digest]().Comparable() {
		t.Error("two digests can be compared with ==")
	}
}

// Rule 73: Equal compares all bytes.
func TestRule73_DigestsOfEqualBytesAreEqual(t *testing.T) {
	a := NewDigest([]byte("abc"))
	for sum, want := range map[string]bool{"abc": true, "abd": false, "ab": false, "abcd": false, "": false} {
		if a.Equal(NewDigest([]byte(sum))) != want {
			t.Errorf("Equal to %q: %v", sum, !want)
		}
	}
	if !(Digest{}).Equal(NewDigest(nil)) || !(Digest{}).IsZero() || a.IsZero() {
		t.Error("the zero Digest equals itself only")
	}
}

func TestDigest_IsNotPrinted(t *testing.T) {
	record := struct{ Hash Digest }{NewDigest([]byte("sesame"))}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("test", "hash", record.Hash)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s %x %d %q", record, record, record, record, record, record, record), log.String(),
	} {
		for _, secret := range []string{"sesame", "736573616d65", "115 101", "c2VzYW1l", "0x73"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s contains %s", text, secret)
			}
		}
	}
}

func TestDigest_JSON(t *testing.T) {
	for text, sum := range map[string][]byte{`"c2VzYW1l"`: []byte("sesame"), `null`: nil} {
		var read Digest
		if err := json.Unmarshal([]byte(text), &read); err != nil || !bytes.Equal(read.Bytes(), sum) {
			t.Errorf("%s is read as %q: %v", text, read.Bytes(), err)
		}
		if written, err := json.Marshal(NewDigest(sum)); err != nil || string(written) != text {
			t.Errorf("%q is written as %s, want %s: %v", sum, written, text, err)
		}
	}
}
