package revocation

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
)

// A Position is a place in the log of revocations: the number of an entry and
// its mark. If a log that was restored from a backup has another entry with
// this number, its mark differs. The zero Position is before the first entry.
type Position struct {
	Seq  int64
	Mark int64
}

// maxMark bounds marks, because readers in some languages read a JSON number as
// a float64 (RFC 8259 §6).
const maxMark = 1<<53 - 1

var errPosition = errors.New("a position is two numbers of the form SEQ-MARK")

// NewMark returns a random mark for the entries of one transaction: 1 to
// 2^53 - 1.
func NewMark() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	return int64(max(1, binary.BigEndian.Uint64(b[:])&maxMark))
}

// String returns the position as the feed has it: SEQ-MARK, in decimal.
func (p Position) String() string {
	return strconv.FormatInt(p.Seq, 10) + "-" + strconv.FormatInt(p.Mark, 10)
}

// ParsePosition reads a position in exactly the form of String.
func ParsePosition(text string) (Position, error) {
	seq, mark, _ := strings.Cut(text, "-")
	n, err := strconv.ParseInt(seq, 10, 64)
	if err != nil {
		return Position{}, errPosition
	}
	m, err := strconv.ParseInt(mark, 10, 64)
	p := Position{Seq: n, Mark: m}
	if err != nil || n < 0 || m < 0 || m > maxMark || p.String() != text {
		return Position{}, errPosition
	}
	return p, nil
}
