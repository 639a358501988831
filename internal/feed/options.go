package feed

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/keys"
)

// Options configures a Feed. Every field is required, except where its comment
// says what zero means.
type Options struct {
	// Issuer is the issuer identifier (RFC 8414 §2).
	Issuer string
	// Revocations reads the log; see grant.LogStore.
	Revocations func(ctx context.Context, from int64, limit int) (grant.LogPage, error)
	Keys        *keys.Manager
	// Table gets all entries. Nothing else writes to it.
	Table *revocation.Table
	// PollInterval is how often the log is read.
	PollInterval time.Duration
	// Keep is how long after its moment an entry may refuse a token of this
	// server. Entries that the store keeps longer are kept longer.
	Keep time.Duration
	// MaxWaiting is how many polls may wait at the same time.
	MaxWaiting int
	// ExemptAddress reports whether all of these polls may come from one
	// address, such as that of a trusted proxy. From others, half of them may.
	// nil means that no address is exempt.
	ExemptAddress func(netip.Addr) bool
	// SigningAlgorithm is that of the heads. Empty means EdDSA, ES256 or
	// RS256: the first one of which the ring has an active key.
	SigningAlgorithm string
	// Callers remembers the callers of Poll. nil means that nothing does.
	Callers *Callers
	Log     *slog.Logger
	// Observer counts. Its fields may be nil.
	Observer Observer
}

// An Observer counts what a Feed does.
type Observer struct {
	// Signed is called for each signed segment: news, heartbeat or full.
	Signed func(segment string)
	// Answered is called for each answered poll: news, unchanged, full,
	// delayed or refused.
	Answered func(answer string)
}

// What Observer.Signed and Observer.Answered get.
const (
	news      = "news"      // entries that were new when they were signed
	heartbeat = "heartbeat" // no entry
	full      = "full"      // all entries
	unchanged = "unchanged" // the caller had all entries
	delayed   = "delayed"   // the caller could not wait, and must pause
	refused   = "refused"   // the caller got no answer
)

// SegmentKinds and AnswerKinds are the values that an Observer gets.
var (
	SegmentKinds = []string{news, heartbeat, full}
	AnswerKinds  = []string{news, unchanged, full, delayed, refused}
)

func (o Observer) signed(segment string) {
	if o.Signed != nil {
		o.Signed(segment)
	}
}

func (o Observer) answered(answer string) {
	if o.Answered != nil {
		o.Answered(answer)
	}
}
