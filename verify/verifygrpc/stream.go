package verifygrpc

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/verify"
)

// A stream is a stream that ends with its context. The methods of the stream
// below would go on waiting: RecvMsg for a message, and SendMsg for a client
// that does not receive.
type stream struct {
	grpc.ServerStream
	ctx           context.Context
	receive, send calls
}

func newStream(ctx context.Context, below grpc.ServerStream) *stream {
	return &stream{
		ServerStream: below, ctx: ctx,
		receive: newCalls(below.RecvMsg), send: newCalls(below.SendMsg),
	}
}

// Context returns the context of the stream, with the claims of its token.
func (s *stream) Context() context.Context { return s.ctx }

// SendMsg sends a message, unless the token has ended the stream. If that
// happens meanwhile, the message may still be read after SendMsg has returned.
func (s *stream) SendMsg(message any) error {
	if err := s.ended(); err != nil {
		return err
	}
	if err, ok := s.send.do(s.ctx, message); ok {
		return err
	}
	return s.contextError()
}

// RecvMsg receives a message. It returns when the context ends. Then the
// message may still be written to.
func (s *stream) RecvMsg(message any) error {
	if err, ok := s.receive.do(s.ctx, message); ok {
		return err
	}
	return s.contextError()
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

// calls are the calls of one method of the stream below. One goroutine makes
// them, from the first one on.
type calls struct {
	method   func(message any) error
	start    *sync.Once
	messages chan any
	results  chan error
}

func newCalls(method func(any) error) calls {
	// A result that nobody waits for does not block the goroutine.
	return calls{method: method, start: new(sync.Once), messages: make(chan any), results: make(chan error, 1)}
}

// do calls the method and returns its result. ok is false if the context ended
// before.
func (c calls) do(ctx context.Context, message any) (err error, ok bool) {
	c.start.Do(func() { go c.run(ctx) })
	select {
	case c.messages <- message:
	case <-ctx.Done():
		return nil, false
	}
	select {
	case err := <-c.results:
		return err, true
	case <-ctx.Done():
		return nil, false
	}
}

// run makes the calls until the context ends. If the method is waiting then, it
// returns when the handler has, because that ends the stream below.
func (c calls) run(ctx context.Context) {
	for {
		select {
		case message := <-c.messages:
			c.results <- c.method(message)
		case <-ctx.Done():
			return
		}
	}
}
