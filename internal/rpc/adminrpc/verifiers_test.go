package adminrpc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// The pages of the list have all verifiers and servers. A plan of a rotation
// warns of verifiers without the next key.
func TestVerifiers(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	etag, seen := f.Keys.Set().ETag, f.Registry.Now().UTC().Truncate(time.Microsecond)
	must(t, f.Store.ReportVerifiers(t.Context(), []grant.Verifier{
		{Name: "billing", Server: "a", Keys: `"other"`, SeenAt: seen, Lag: 1500 * time.Millisecond},
		{Name: "billing", Server: "b", Keys: etag, SeenAt: seen},
		{Name: "orders", Server: "a", SeenAt: seen},
	}))

	var all []*signetv1.Verifier
	for token := ""; ; {
		r, err := f.AdminService.ListVerifiers(ctx, &signetv1.ListVerifiersRequest{PageSize: 2, PageToken: token})
		must(t, err)
		all = append(all, r.GetVerifiers()...)
		if token = r.GetNextPageToken(); token == "" {
			break
		}
	}
	if len(all) != 3 || all[0].GetKeysCurrent() || !all[1].GetKeysCurrent() || all[2].GetKeysCurrent() ||
		all[2].GetKeys() != "" {
		t.Fatalf("listed %v", all)
	}
	if v := all[0]; v.GetName() != "billing" || v.GetServer() != "a" || v.GetKeys() != `"other"` ||
		!v.GetSeenAt().AsTime().Equal(seen) || v.GetLag().AsDuration() != 1500*time.Millisecond {
		t.Errorf("listed %v", v)
	}

	plan, err := f.AdminService.RotateKeys(ctx, &signetv1.RotateKeysRequest{Plan: true})
	must(t, err)
	if w := plan.GetWarnings(); len(w) != 1 || !strings.Contains(w[0], "the verifier billing, which polls a,") {
		t.Errorf("warnings %q", w)
	}
}
