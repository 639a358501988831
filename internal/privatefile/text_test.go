package privatefile

import (
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

const mark = "\xef\xbb\xbf"

func TestText_LeavesOutAByteOrderMark(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "a", "\xef": "\xef", "\xef\xbb": "\xef\xbb", "\xef\xbb\xbe": "\xef\xbb\xbe", "ü\n": "ü\n",
		mark: "", mark + "a\r\nb\n": "a\r\nb\n", mark + mark: mark, "a" + mark: "a" + mark,
	} {
		got, err := Text([]byte(text))
		if err != nil || string(got) != want {
			t.Errorf("Text(%q) = %q, %v, want %q", text, got, err, want)
		}
		for name, in := range map[string]io.Reader{
			"whole": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)),
		} {
			got, err := io.ReadAll(NewReader(in))
			if err != nil || string(got) != want {
				t.Errorf("%s: NewReader(%q) has %q, %v, want %q", name, text, got, err, want)
			}
		}
	}
}

func TestText_RejectsUTF16(t *testing.T) {
	for _, text := range []string{"\xff\xfea\x00", "\xfe\xff\x00a", "\xff\xfe"} {
		if got, err := Text([]byte(text)); err == nil || !strings.Contains(err.Error(), "UTF-16") {
			t.Errorf("Text(%q) = %q, %v", text, got, err)
		}
		got, err := io.ReadAll(NewReader(strings.NewReader(text)))
		if err == nil || !strings.Contains(err.Error(), "UTF-16") || len(got) > 0 {
			t.Errorf("NewReader(%q) has %q, %v", text, got, err)
		}
	}
}

// A line that a user types is read at once, however short it is.
func TestReader_DoesNotWaitForAMark(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	if _, err := out.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if n, err := NewReader(in).Read(b); n != 1 || err != nil {
		t.Errorf("Read = %d, %v", n, err)
	}
}
