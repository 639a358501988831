package admin_test

import (
	"strings"
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// theirs is a client secret as Keycloak makes them.
const theirs = "kTq9vZc2Yb7LwXn4RdMf0sJh6GpAeU1i"

func TestCreateClient_KeepsTheSecretOfAnotherSystem(t *testing.T) {
	f := newFixture(t)
	_, created, err := f.CreateClient(t.Context(), by, client.Client{ID: "billing"}, theirs)
	must(t, err)
	if created != "" {
		t.Error("a new secret was made")
	}
	f.wantSecrets(t, theirs)

	_, _, err = f.CreateClient(t.Context(), by, client.Client{ID: "spa", Public: true}, theirs)
	wantCode(t, err, oauth.FailedPrecondition)
}

func TestCreateClient_RefusesAWeakSecret(t *testing.T) {
	f := newFixture(t)
	for _, secret := range []string{
		"password", theirs[:23], strings.Repeat("abcdefghi", 3), theirs + " ", theirs + "\n", theirs + "é",
		strings.Repeat(theirs, 8),
	} {
		_, _, err := f.CreateClient(t.Context(), by, client.Client{ID: "billing"}, secret)
		wantCode(t, err, oauth.InvalidRequest)
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error quotes the secret: %v", err)
		}
	}
	if len(f.events) != 0 {
		t.Errorf("%d events of operations that failed", len(f.events))
	}
	_, _, err := f.CreateClient(t.Context(), by, client.Client{ID: "billing"}, theirs[:24])
	must(t, err)
}

func TestAddSecret(t *testing.T) {
	f := newFixture(t)
	_, first, err := f.CreateClient(t.Context(), by, client.Client{ID: "billing"}, "")
	must(t, err)
	must(t, f.AddSecret(t.Context(), by, "billing", theirs))
	f.wantSecrets(t, first, theirs)
	if e := f.events[len(f.events)-1]; e.Name != audit.ClientUpdated || e.Reason != audit.SecretRotated {
		t.Errorf("event %+v", e)
	}

	// Secrets that the client has already change nothing.
	events := len(f.events)
	must(t, f.AddSecret(t.Context(), by, "billing", theirs))
	must(t, f.AddSecret(t.Context(), by, "billing", first))
	f.wantSecrets(t, first, theirs)
	if len(f.events) != events {
		t.Errorf("%d events of operations that changed nothing", len(f.events)-events)
	}

	wantCode(t, f.AddSecret(t.Context(), by, "billing", "password"), oauth.InvalidRequest)
	wantCode(t, f.AddSecret(t.Context(), by, "nobody", theirs), oauth.NotFound)
	_, _, err = f.CreateClient(t.Context(), by, client.Client{ID: "spa", Public: true}, "")
	must(t, err)
	wantCode(t, f.AddSecret(t.Context(), by, "spa", theirs), oauth.FailedPrecondition)
}
