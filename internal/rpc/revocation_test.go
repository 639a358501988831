package rpc_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// revoke writes entries about grants into the log.
func revoke(t *testing.T, f *rpctest.Fixture, ids ...string) {
	t.Helper()
	var entries []grant.Revocation
	for _, id := range ids {
		entries = append(entries, grant.Revocation{Kind: revocation.Grant, Hash: revocation.Grant.Hash(id)})
	}
	_, err := f.Store.AddRevocations(t.Context(), entries)
	must(t, err)
	f.Feed.Changed()
}

// entriesOf returns the entries of a response.
func entriesOf(t *testing.T, r *signetv1.PollResponse) (all []revocation.Entry) {
	t.Helper()
	for _, s := range r.GetSegments() {
		entries, err := revocation.DecodeEntries(s.GetEntries())
		must(t, err)
		all = append(all, entries...)
	}
	return all
}

func hasGrant(entries []revocation.Entry, id string) bool {
	for _, e := range entries {
		if e.Hash == revocation.Grant.Hash(id) {
			return true
		}
	}
	return false
}

// waiting waits until that many polls wait.
func waiting(t *testing.T, f *rpctest.Fixture, polls int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for f.Feed.Stats().Waiting != polls {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

// position returns the end of the feed.
func position(t *testing.T, f *rpctest.Fixture) string {
	t.Helper()
	all, err := f.Feed.Poll(t.Context(), feed.Request{Full: true})
	must(t, err)
	return all.Position.String()
}

// A poll waits until there is an entry after its position. Anyone may poll.
func TestPoll_ReturnsTheNextEntry(t *testing.T) {
	f := newFixture(t)
	type result struct {
		*signetv1.PollResponse
		error
	}
	answer, at := make(chan result), position(t, f)
	go func() {
		r, err := f.RevocationService.Poll(rpctest.Context(t), &signetv1.PollRequest{
			After: at, Wait: durationpb.New(10 * time.Second), Name: "orders-7", Keys: f.Keys.Set().ETag,
		})
		answer <- result{r, err}
	}()
	waiting(t, f, 1)
	revoke(t, f, "one", "two")
	r := <-answer
	must(t, r.error)
	if all := entriesOf(t, r.PollResponse); !hasGrant(all, "one") || !hasGrant(all, "two") || len(all) != 2 {
		t.Errorf("the poll returned %d entries", len(all))
	}
	if r.GetDelay() != nil || r.GetHeld().AsDuration() >= 10*time.Second || r.GetAge().AsDuration() <= 0 {
		t.Errorf("held %v, age %v, delay %v", r.GetHeld(), r.GetAge(), r.GetDelay())
	}
	all, err := f.RevocationService.Poll(rpctest.Context(t), &signetv1.PollRequest{})
	must(t, err)
	if !hasGrant(entriesOf(t, all), "two") || all.GetHeld().AsDuration() > 5*time.Second {
		t.Errorf("the whole feed has %d entries, held %v", len(entriesOf(t, all)), all.GetHeld())
	}
}

// A poll is answered before its deadline.
func TestPoll_WaitsWithinItsDeadline(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := f.RevocationService.Poll(ctx, &signetv1.PollRequest{
		After: position(t, f), Wait: durationpb.New(10 * time.Second),
	})
	if err != nil {
		t.Errorf("a poll with a deadline of a second: %v", err)
	}
}

// A poll with an invalid field fails at once, and names the field.
func TestPoll_InvalidFields(t *testing.T) {
	f := newFixture(t)
	for field, r := range map[string]*signetv1.PollRequest{
		"after": {After: "1"},
		"wait":  {Wait: durationpb.New(10*time.Second + 1)},
		"name":  {Name: "a/b"},
		"keys":  {Keys: "abc"},
	} {
		_, err := f.RevocationService.Poll(rpctest.Context(t), r)
		violations := rpctest.Detail[*errdetails.BadRequest](status.Convert(err)).GetFieldViolations()
		if status.Code(err) != codes.InvalidArgument || len(violations) != 1 || violations[0].GetField() != field {
			t.Errorf("%s: %v %v", field, err, violations)
		}
	}
	for _, wait := range []*durationpb.Duration{
		{Seconds: -1}, {Nanos: -1}, {Seconds: 1, Nanos: 2e9}, {Seconds: 1 << 60},
	} {
		_, err := f.RevocationService.Poll(rpctest.Context(t), &signetv1.PollRequest{Wait: wait})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("wait %v: %v", wait, err)
		}
	}
}

// With the access rule for clients, only confidential clients may poll.
func TestPoll_ForClients(t *testing.T) {
	f := rpctest.New(t, rpctest.Options{Server: func(o *rpc.Options) { o.FeedForClients = true }})
	for name, c := range map[string]struct {
		ctx    context.Context
		reason string
	}{
		"none":            {rpctest.Context(t), "INVALID_CLIENT"},
		"a wrong secret":  {rpctest.WithAuthorization(t, rpctest.Basic("web", "x")), "INVALID_CLIENT"},
		"a public client": {rpctest.WithAuthorization(t, rpctest.Basic("spa", "")), "UNAUTHORIZED_CLIENT"},
		"a token":         {f.AsAdmin(t), "INVALID_CLIENT"},
		"a client":        {f.As(t, "web"), ""},
	} {
		if _, err := f.RevocationService.Poll(c.ctx, &signetv1.PollRequest{}); reason(err) != c.reason {
			t.Errorf("%s: %v, want %s", name, err, c.reason)
		}
	}
}

// Without a signing key for the feed, a poll fails and may be tried again.
func TestPoll_WithoutASigningKey(t *testing.T) {
	f := rpctest.New(t, rpctest.Options{Components: func(o *components.Options) {
		o.Revocations.SigningAlgorithm = "none"
	}})
	_, err := f.RevocationService.Poll(rpctest.Context(t), &signetv1.PollRequest{})
	delay := rpctest.Detail[*errdetails.RetryInfo](status.Convert(err)).GetRetryDelay()
	if status.Code(err) != codes.Unavailable || reason(err) != "TEMPORARILY_UNAVAILABLE" || delay.GetSeconds() != 1 {
		t.Errorf("%v, retry after %v", err, delay)
	}
}

// A poll above the number that may wait is answered at once, with a delay.
func TestPoll_TooManyWait(t *testing.T) {
	f := rpctest.New(t, rpctest.Options{Components: func(o *components.Options) { o.Revocations.MaxWaiting = 1 }})
	at, wait := position(t, f), durationpb.New(9*time.Second)
	ctx, cancel := context.WithCancel(rpctest.Context(t))
	ended := make(chan error)
	go func() {
		_, err := f.RevocationService.Poll(ctx, &signetv1.PollRequest{After: at, Wait: wait})
		ended <- err
	}()
	waiting(t, f, 1)
	r, err := f.RevocationService.Poll(rpctest.Context(t), &signetv1.PollRequest{After: at, Wait: wait})
	must(t, err)
	if delay := r.GetDelay().AsDuration(); delay < 5*time.Second || delay > 9*time.Second ||
		r.GetHeld().AsDuration() > 5*time.Second {
		t.Errorf("delay %v, held %v", r.GetDelay(), r.GetHeld())
	}

	cancel() // the end of a call ends its wait
	if err := <-ended; status.Code(err) != codes.Canceled {
		t.Error(err)
	}
	waiting(t, f, 0)
	if text := f.Logs.Text(); strings.Contains(text, "WARN") || strings.Contains(text, "ERROR") {
		t.Errorf("the log has %s", text)
	}
}

// Rule 76: clients that do not read long answers of the feed keep no others
// from it for more than a second: then the server closes the connection of the
// oldest answer.
func TestRule76_UnreadAnswersOfTheFeed(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a second until an answer may be displaced")
	}
	f := newFixture(t)
	ids := make([]string, 8<<10) // 128 KiB of entries
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	revoke(t, f, ids...)
	for f.Feed.Stats().Entries < len(ids) {
		must(t, f.Feed.Refresh(t.Context()))
	}
	s := dialStranger(t, f)
	for range 16 {
		id := s.begin(t, signetv1.RevocationService_Poll_FullMethodName)
		must(t, s.frames.WriteData(id, true, make([]byte, 5))) // an empty message
		if !s.respond() {
			t.Fatal("the server has closed the connection")
		}
	}

	all, err := f.RevocationService.Poll(rpctest.Context(t), &signetv1.PollRequest{})
	if err != nil || len(entriesOf(t, all)) < len(ids) {
		t.Errorf("another client got %d entries, %v", len(entriesOf(t, all)), err)
	}
	must(t, s.SetReadDeadline(time.Now().Add(30*time.Second)))
	for err = nil; err == nil; {
		_, err = s.frames.ReadFrame()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection with unread answers is open")
	}
	for range 40 { // answers that are read release their places
		if _, err := f.RevocationService.Poll(rpctest.Context(t), &signetv1.PollRequest{}); err != nil {
			t.Fatal(err)
		}
	}
}
