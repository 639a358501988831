package adminrpc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestRevocations(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	before := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
	for _, r := range []*signetv1.AddRevocationRequest{
		{Subject: "alice"},
		{Subject: "alice", ClientId: "web"},
		{ClientId: "web"},
		{Audience: "api"},
		{All: true},
		{Subject: "alice"},
		{Subject: "bob", Before: timestamppb.New(before)},
	} {
		called := time.Now()
		added, err := f.AdminService.AddRevocation(ctx, r)
		must(t, err)
		if at := added.GetBefore().AsTime(); r.GetBefore() != nil && !at.Equal(before) ||
			r.GetBefore() == nil && (at.Before(called.Add(-time.Second)) || at.After(time.Now().Add(time.Second))) {
			t.Errorf("%v: before %s", r, at)
		}
	}

	// list returns the numbers and kinds of all entries that the filter
	// selects, in pages of two.
	list := func(filter *signetv1.ListRevocationsRequest) (all []string) {
		filter.PageSize = 2
		for {
			r, err := f.AdminService.ListRevocations(ctx, filter)
			must(t, err)
			if len(r.GetRevocations()) > 2 {
				t.Fatalf("a page of %d entries", len(r.GetRevocations()))
			}
			for _, e := range r.GetRevocations() {
				all = append(all, fmt.Sprint(e.GetSeq(), " ", e.GetKind()))
				if len(e.GetHash()) != 16 || !e.GetExpiresAt().AsTime().After(e.GetBefore().AsTime()) {
					t.Errorf("entry %v", e)
				}
			}
			if filter.PageToken = r.GetNextPageToken(); filter.GetPageToken() == "" {
				return all
			}
		}
	}
	all := []string{
		"1 subject", "2 subject_at_client", "3 client", "4 audience", "5 all", "6 subject", "7 subject",
	}
	if got := list(&signetv1.ListRevocationsRequest{}); !slices.Equal(got, all) {
		t.Errorf("listed %q", got)
	}
	if got := list(&signetv1.ListRevocationsRequest{Subject: "alice"}); !slices.Equal(got, []string{all[0], all[5]}) {
		t.Errorf("of alice: %q", got)
	}
	atClient := list(&signetv1.ListRevocationsRequest{Subject: "alice", ClientId: "web"})
	if !slices.Equal(atClient, all[1:2]) {
		t.Errorf("of alice at web: %q", atClient)
	}

	first, err := f.AdminService.ListRevocations(ctx, &signetv1.ListRevocationsRequest{PageSize: 1})
	must(t, err)
	want := fmt.Sprintf("%016x", uint64(revocation.Subject.Hash("alice")))
	if got := first.GetRevocations()[0].GetHash(); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	_, err = f.AdminService.ListRevocations(ctx, &signetv1.ListRevocationsRequest{
		Subject: "alice", PageToken: first.GetNextPageToken(),
	})
	if reason(err) != "INVALID_REQUEST" {
		t.Errorf("a page token of another filter: %v", err)
	}
}

func TestRevocations_Refusals(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	future := timestamppb.New(time.Now().Add(time.Hour))
	for _, tt := range []struct {
		request *signetv1.AddRevocationRequest
		reason  string
	}{
		{&signetv1.AddRevocationRequest{ClientId: "nobody"}, "NOT_FOUND"},
		{&signetv1.AddRevocationRequest{Audience: "nothing"}, "NOT_FOUND"},
		{&signetv1.AddRevocationRequest{Subject: "usr_nobody"}, "NOT_FOUND"},
		{&signetv1.AddRevocationRequest{All: true, Subject: "alice"}, "INVALID_REQUEST"},
		{&signetv1.AddRevocationRequest{All: true, Before: future}, "INVALID_REQUEST"},
		{&signetv1.AddRevocationRequest{All: true, Before: &timestamppb.Timestamp{Nanos: -1}}, "INVALID_REQUEST"},
		{&signetv1.AddRevocationRequest{Subject: strings.Repeat("a", 256)}, "INVALID_REQUEST"},
	} {
		if _, err := f.AdminService.AddRevocation(ctx, tt.request); reason(err) != tt.reason {
			t.Errorf("%v: %v, want %s", tt.request, err, tt.reason)
		}
	}
	_, err := f.AdminService.ListRevocations(ctx, &signetv1.ListRevocationsRequest{GrantId: "a", TokenId: "b"})
	if reason(err) != "INVALID_REQUEST" {
		t.Errorf("two filters: %v", err)
	}
	r, err := f.AdminService.ListRevocations(ctx, &signetv1.ListRevocationsRequest{})
	if err != nil || len(r.GetRevocations()) > 0 {
		t.Errorf("the log has %v, %v", r.GetRevocations(), err)
	}
}

// A page of a filter may be empty, and the next ones find the entries.
func TestRevocations_FilterInALongLog(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	others := slices.Repeat([]grant.Revocation{{Kind: revocation.Grant, Hash: revocation.Grant.Hash("x")}}, 10_500)
	_, err := f.Store.AddRevocations(t.Context(), others)
	must(t, err)
	_, err = f.AdminService.AddRevocation(ctx, &signetv1.AddRevocationRequest{Subject: "alice"})
	must(t, err)
	request, calls := &signetv1.ListRevocationsRequest{Subject: "alice", PageSize: 1000}, 0
	for {
		r, err := f.AdminService.ListRevocations(ctx, request)
		must(t, err)
		if calls++; len(r.GetRevocations()) == 1 {
			break
		}
		if request.PageToken = r.GetNextPageToken(); request.GetPageToken() == "" {
			t.Fatal("the entry was not found")
		}
	}
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}
