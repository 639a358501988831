package verify

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/revocation"
)

var errSegment = errors.New("invalid segment of revocations")

// refuseSegment returns an errSegment with a reason.
func refuseSegment(reason string) error { return fmt.Errorf("%w: %s", errSegment, reason) }

// readSegment verifies and decodes a segment of an issuer's feed. find returns
// the key with a kid, unless it must not be used.
func readSegment(
	s revocation.Segment, issuer string, find func(kid string) (algorithm string, key crypto.PublicKey, ok bool),
) (h revocation.Head, entries []revocation.Entry, err error) {
	t, err := jws.Verify(s.Head, find)
	if err != nil {
		return h, nil, fmt.Errorf("%w: %w", errSegment, err)
	}
	if t.Type != revocation.HeadType {
		return h, nil, refuseSegment("the head has another typ")
	}
	if err := json.Unmarshal(t.Payload, &h); err != nil {
		return h, nil, refuseSegment("the head is malformed")
	}
	if h.Issuer != issuer {
		return h, nil, refuseSegment("it is that of another issuer")
	}

	encoded, err := base64.RawURLEncoding.Strict().DecodeString(s.Entries)
	if err != nil {
		return h, nil, refuseSegment("the entries are malformed")
	}
	if revocation.Sum(encoded) != h.Sum {
		return h, nil, refuseSegment("the entries differ from the sum in the head")
	}
	entries, err = revocation.DecodeEntries(encoded)
	if err != nil {
		return h, nil, fmt.Errorf("%w: %w", errSegment, err)
	}
	if !validHead(h) {
		return h, nil, refuseSegment("the head has numbers that are out of range")
	}
	return h, entries, nil
}

// validHead reports whether the numbers of a head are possible.
func validHead(h revocation.Head) bool {
	return h.From >= 1 && h.To >= h.From-1 && h.Prev >= 0 && h.Mark >= 0 &&
		h.Keep > 0 && h.Keep <= math.MaxInt32 && h.At > 0 && h.At <= jws.MaxTime*1000 &&
		(!h.Full || h.From == 1 && h.Prev == 0)
}

// follow returns the position after a segment that a poll at this position
// returned. first is true for the first segment of an answer, which may begin
// before the position. It returns an error if entries may be missing.
func follow(at revocation.Position, h revocation.Head, first bool) (revocation.Position, error) {
	before, after := h.Before(), h.After()
	switch {
	case h.Full && first, before == at:
		return after, nil
	case !first, before.Seq >= at.Seq, after.Seq < at.Seq, after.Seq == at.Seq && after != at:
		return at, refuseSegment("it does not follow the segment before it")
	}
	return after, nil // the position is that of an entry of the segment
}
