package audit

import "testing"

func TestEventNamesItsTarget(t *testing.T) {
	for _, c := range []struct {
		event Event
		want  string
	}{
		{Event{Name: LoginSucceeded, Subject: "usr_1", Grant: "0a"}, "grant:0a"},
		{Event{Name: LoginFailed, Subject: "usr_1"}, "user:usr_1"},
		{Event{Name: LoginFailed}, "user:unknown"},
		{Event{Name: ClientUpdated, Client: "gateway"}, "client:gateway"},
		{Event{Name: AudienceDeleted, Audience: "https://api.example.com"}, "audience:https://api.example.com"},
		{Event{Name: "key.rotated", Key: "kid"}, "key:kid"},
		{Event{Name: TokenRevoked, Subject: "app", Token: "jti"}, "token:jti"},
		{Event{Name: RevocationAdded, Subject: "usr_1", Client: "app"}, "client:app"},
		{Event{Name: RevocationAdded}, "issuer"},
		{Event{Name: "kek.added"}, "ring"},
		{Event{Name: "ring.restore_accepted"}, "ring"},
	} {
		if got := c.event.Target(); got != c.want {
			t.Errorf("the target of %+v is %q, want %q", c.event, got, c.want)
		}
	}
	for want, failed := range map[string]bool{"success": false, "failure": true} {
		if got := (Event{Failed: failed}).Outcome(); got != want {
			t.Errorf("the outcome is %q, want %q", got, want)
		}
	}
}
