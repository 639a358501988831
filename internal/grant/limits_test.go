package grant

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
)

func TestRetryWindow_IsTheIdleLifetimeAtMostADay(t *testing.T) {
	const day = 24 * time.Hour
	zero, minute, twoDays := time.Duration(0), time.Minute, 2*day
	issuer := Lifetimes{Idle: time.Hour, Max: 90 * day}
	short := Lifetimes{Idle: time.Hour, Max: 10 * time.Minute}
	for name, c := range map[string]struct {
		lifetimes Lifetimes
		client    client.Client
		want      time.Duration
	}{
		"the issuer's idle lifetime": {issuer, client.Client{}, time.Hour},
		"the client's idle lifetime": {issuer, client.Client{RefreshIdle: 30 * time.Minute}, 30 * time.Minute},
		"an idle time above a day":   {issuer, client.Client{RefreshIdle: 30 * day}, day},
		"an idle time above max":     {short, client.Client{}, 10 * time.Minute},
		"none":                       {issuer, client.Client{RetryWindow: &zero}, 0},
		"the client's window":        {issuer, client.Client{RetryWindow: &minute, RefreshIdle: 30 * day}, time.Minute},
		"a window above a day":       {issuer, client.Client{RetryWindow: &twoDays}, day},
	} {
		if got := c.lifetimes.retryWindow(c.client); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestGrantsPerUser_TheClientOverridesTheIssuer(t *testing.T) {
	none, three := 0, 3
	o := Options{GrantsPerUser: 200}
	for want, c := range map[int]client.Client{
		200: {}, 0: {GrantsPerUser: &none}, 3: {GrantsPerUser: &three},
	} {
		if got := o.grantsPerUser(c); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	if got := (Options{}).grantsPerUser(client.Client{}); got != 0 {
		t.Errorf("%d, want no limit", got)
	}
}
