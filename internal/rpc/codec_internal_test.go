package rpc

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// The codec encodes responses of polls as the generated code does, and reports
// when the transport does not need them any more.
func TestSharingCodec_EncodesPollResponses(t *testing.T) {
	segment := func(head, entries int) *signetv1.RevocationSegment {
		return &signetv1.RevocationSegment{
			Head: strings.Repeat("h", head), Entries: bytes.Repeat([]byte{7}, entries),
		}
	}
	for name, segments := range map[string][]*signetv1.RevocationSegment{
		"none": nil, "empty": {{}}, "heartbeat": {segment(300, 0)}, "small": {segment(300, 16), segment(1, 32)},
		"large":  {segment(300, minShared)},
		"both":   {segment(300, 16), segment(300, 3*minShared), segment(300, 16), segment(300, minShared)},
		"oldest": {segment(300, 3*minShared), segment(300, 0)},
	} {
		response := &signetv1.PollResponse{
			Segments: segments, Held: durationpb.New(time.Second), Age: durationpb.New(time.Millisecond),
		}
		ended := 0
		for _, message := range []any{response, longResponse{response, func() { ended++ }}} {
			encoded, err := newSharingCodec().Marshal(message)
			if err != nil {
				t.Fatal(err)
			}
			text := encoded.MaterializeToBuffer(mem.DefaultBufferPool())
			var got signetv1.PollResponse
			if err := proto.Unmarshal(text.ReadOnlyData(), &got); err != nil || !proto.Equal(&got, response) {
				t.Errorf("%s: decoded %v, %v", name, &got, err)
			}
			encoded.Ref()
			encoded.Free()
			if ended > 0 {
				t.Errorf("%s: ended while in use", name)
			}
			encoded.Free()
		}
		if long := proto.Size(response) > minShared; (ended == 1) != long && ended != 0 || long && ended != 1 {
			t.Errorf("%s: ended %d times", name, ended)
		}
	}
}

// The codec does not copy many entries.
func TestSharingCodec_SharesEntries(t *testing.T) {
	response := &signetv1.PollResponse{Segments: []*signetv1.RevocationSegment{{Entries: make([]byte, minShared)}}}
	encoded, err := newSharingCodec().Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	for _, buffer := range encoded {
		if data := buffer.ReadOnlyData(); len(data) == minShared && &data[0] == &response.Segments[0].Entries[0] {
			return
		}
	}
	t.Error("the entries are copied")
}
