package privatefile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

var (
	utf8Mark   = []byte("\xef\xbb\xbf")
	utf16Marks = [][]byte{[]byte("\xff\xfe"), []byte("\xfe\xff")}

	errUTF16 = errors.New("is encoded in UTF-16: save it as UTF-8")
)

// Text returns text without a byte order mark, which some editors and shells
// write. The error, for the words after the name of the input, says that the
// text is encoded in UTF-16.
func Text(text []byte) ([]byte, error) {
	for _, mark := range utf16Marks {
		if bytes.HasPrefix(text, mark) {
			return nil, errUTF16
		}
	}
	return bytes.TrimPrefix(text, utf8Mark), nil
}

// Line returns the first line of a file that holds a secret, without the line
// ending. The errors are those of Text.
func Line(text []byte) (string, error) {
	text, err := Text(text)
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), err
}

// NewReader returns a reader of r without a byte order mark. A read fails if
// the text is encoded in UTF-16.
func NewReader(r io.Reader) io.Reader { return &reader{in: bufio.NewReader(r)} }

type reader struct {
	in      *bufio.Reader
	started bool
	err     error
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if !r.started {
		r.started = true
		r.err = r.skipMark()
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.in.Read(p)
}

// skipMark skips a byte order mark. It waits for a second byte only if the
// first one begins a mark, because a terminal has one line at a time.
func (r *reader) skipMark() error {
	first, err := r.in.Peek(1)
	if err != nil || first[0] < utf8Mark[0] {
		return nil // Read returns the error again.
	}
	mark, _ := r.in.Peek(len(utf8Mark)) // fewer bytes at the end of the input
	rest, err := Text(mark)
	if err != nil {
		return errors.New("the input " + err.Error())
	}
	_, err = r.in.Discard(len(mark) - len(rest))
	return err
}
