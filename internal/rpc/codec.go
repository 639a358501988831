package rpc

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// The numbers of the fields that the codec encodes.
const (
	segmentsField protowire.Number = 1 // of PollResponse
	headField     protowire.Number = 1 // of RevocationSegment
	entriesField  protowire.Number = 2
)

// minShared is the length in bytes from which the codec does not copy entries.
const minShared = 16 << 10

// A sharingCodec is the codec of Protocol Buffers, except that it does not copy
// many entries of a poll's response. All responses share them.
type sharingCodec struct{ encoding.CodecV2 }

func newSharingCodec() sharingCodec { return sharingCodec{encoding.GetCodecV2(proto.Name)} }

// A longResponse is a response whose end the transport reports: it has sent the
// response, or has dropped it. If the connection closes before, end is not
// called.
type longResponse struct {
	*signetv1.PollResponse
	end func()
}

// Marshal encodes a message.
func (c sharingCodec) Marshal(v any) (mem.BufferSlice, error) {
	switch v := v.(type) {
	case *signetv1.PollResponse:
		return c.marshalPoll(v, func() {})
	case longResponse:
		return c.marshalPoll(v.PollResponse, v.end)
	}
	return c.CodecV2.Marshal(v)
}

// marshalPoll encodes the response of a poll. The encoding of a message is also
// that of its parts, one after the other.
func (c sharingCodec) marshalPoll(response *signetv1.PollResponse, end func()) (mem.BufferSlice, error) {
	rest, err := c.CodecV2.Marshal(&signetv1.PollResponse{
		Held: response.GetHeld(), Age: response.GetAge(), Delay: response.GetDelay(),
	})
	if err != nil {
		return nil, err
	}
	parts := [][]byte{nil} // the last one is not shared
	for _, s := range response.GetSegments() {
		b := appendSegmentHead(parts[len(parts)-1], s)
		if len(s.GetEntries()) < minShared {
			parts[len(parts)-1] = append(b, s.GetEntries()...)
		} else {
			parts[len(parts)-1] = b
			parts = append(parts, s.GetEntries(), nil)
		}
	}

	longest := 0
	for i, part := range parts {
		if len(part) > len(parts[longest]) {
			longest = i
		}
	}
	all := make(mem.BufferSlice, 0, len(parts)+len(rest))
	for i, part := range parts {
		if i == longest {
			all = append(all, mem.NewBuffer(&part, onFree(end)))
		} else {
			all = append(all, mem.SliceBuffer(part))
		}
	}
	return append(all, rest...), nil
}

// appendSegmentHead appends the encoding of a segment without its entries.
func appendSegmentHead(b []byte, s *signetv1.RevocationSegment) []byte {
	head, entries := s.GetHead(), s.GetEntries()
	size := protowire.SizeTag(headField) + protowire.SizeBytes(len(head)) +
		protowire.SizeTag(entriesField) + protowire.SizeBytes(len(entries))
	b = protowire.AppendVarint(protowire.AppendTag(b, segmentsField, protowire.BytesType), uint64(size))
	b = protowire.AppendString(protowire.AppendTag(b, headField, protowire.BytesType), head)
	return protowire.AppendVarint(protowire.AppendTag(b, entriesField, protowire.BytesType), uint64(len(entries)))
}

// onFree is a mem.BufferPool that calls a function when a buffer is not used
// any more. The buffer must have more than a kilobyte, otherwise it is not
// reported.
type onFree func()

// Get is for new buffers, of which there are none.
func (onFree) Get(length int) *[]byte { b := make([]byte, length); return &b }

// Put is called when the buffer is not used any more.
func (f onFree) Put(*[]byte) { f() }
