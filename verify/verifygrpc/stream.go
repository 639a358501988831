package verifygrpc

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/verify"
)

// A stream is a stream that ends with its context. RecvMsg of the stream below
// would go on waiting for a message.
type stream struct {
	grpc.ServerStream
	ctx context.Context

	// receive has the messages to receive into, and received the results.
	// One goroutine receives, from the first call of RecvMsg on.
	start    sync.Once
	receive  chan any
	received chan error
}

func newStream(ctx context.Context, below grpc.ServerStream) *stream {
	// A result that nobody waits for does not block the goroutine.
	return &stream{ServerStream: below, ctx: ctx, receive: make(chan any), received: make(chan error, 1)}
}

// Context returns the context of the stream, with the claims of its token.
func (s *stream) Context() context.Context { return s.ctx }

// SendMsg sends a message, unless the token has ended the stream.
func (s *stream) SendMsg(message any) error {
	if err := s.ended(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(message)
}

// RecvMsg receives a message. It returns when the context ends.
func (s *stream) RecvMsg(message any) error {
	s.start.Do(func() { go s.receiveAll() })
	select {
	case s.receive <- message:
	case <-s.ctx.Done():
		return s.contextError()
	}
	select {
	case err := <-s.received:
		return err
	case <-s.ctx.Done():
		return s.contextError()
	}
}

// receiveAll receives messages until the context ends. If it is waiting for one
// then, it returns when the handler has, because that ends the stream below.
func (s *stream) receiveAll() {
	for {
		select {
		case message := <-s.receive:
			s.received <- s.ServerStream.RecvMsg(message)
		case <-s.ctx.Done():
			return
		}
	}
}

// ended returns the status of a stream that its token has ended, or nil.
func (s *stream) ended() error {
	if s.ctx.Err() == nil {
		return nil
	}
	if cause := context.Cause(s.ctx); errors.Is(cause, verify.ErrInvalid) || errors.Is(cause, verify.ErrUnavailable) {
		return refusal(cause)
	}
	return nil // the client has left, or the server stops
}

// contextError returns the status of a context that has ended.
func (s *stream) contextError() error {
	if err := s.ended(); err != nil {
		return err
	}
	return status.FromContextError(s.ctx.Err()).Err()
}
