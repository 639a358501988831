package audit_test

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
)

// recordedCounts has the number of events of each name in testdata/2026-11.log.
var recordedCounts = map[string]int{
	"login.succeeded": 8, "login.failed": 3, "token.minted": 2,
	"refresh.reused": 1, "refresh.ahead": 1, "refresh.missing": 1, "grant.revoked": 5,
	"user.created": 6, "user.disabled": 3, "user.enabled": 1, "user.unlocked": 1, "user.deleted": 1,
	"user.password_set": 2, "user.claims_set": 1,
	"client.created": 3, "client.updated": 4, "client.deleted": 1,
	"audience.created": 2, "audience.updated": 3, "audience.deleted": 1,
	"key.created": 6, "key.rotated": 2, "key.compromised": 1, "kek.added": 2, "ring.restore_accepted": 1,
}

// Logs of November 2026 stay readable. The servers and operators of that time
// wrote the recorded log, with other lines in text and JSON between the events.
func TestRead_RecordedLog(t *testing.T) {
	text, err := os.ReadFile("testdata/2026-11.log")
	if err != nil {
		t.Fatal(err)
	}
	events, faults, err := audit.Read(strings.NewReader(string(text)))
	if err != nil || len(faults) > 0 {
		t.Fatalf("%v, %q", err, faults)
	}

	want := recordedEvents(t, string(text))
	if len(events) != len(want) {
		t.Fatalf("%d events, want %d", len(events), len(want))
	}
	counts := map[string]int{}
	for i, e := range events {
		counts[e.Name]++
		if e != want[i] {
			t.Errorf("event %d:\n%+v, want\n%+v", i, e, want[i])
		}
	}
	if !maps.Equal(counts, recordedCounts) {
		t.Errorf("events %v, want %v", counts, recordedCounts)
	}
}

// recordedEvents returns the events of a log. It reads each member of a line by
// its name, and checks that the log has each of them.
func recordedEvents(t *testing.T, log string) (events []audit.Event) {
	t.Helper()
	seen := map[string]bool{}
	for text := range strings.Lines(log) {
		if !strings.HasPrefix(text, "{") {
			continue
		}
		m := members(t, text)
		if m["msg"] != nil {
			continue
		}
		value := func(name string) string {
			s, _ := m[name].(string)
			seen[name] = seen[name] || s != ""
			return s
		}
		at, err := time.Parse(time.RFC3339Nano, value("time"))
		if err != nil {
			t.Fatal(err)
		}
		count, _ := m["count"].(float64)
		seen["count"] = seen["count"] || count != 0
		target := value("target")
		client, _ := strings.CutPrefix(target, "client:")
		audience, _ := strings.CutPrefix(target, "audience:")
		e := audit.Event{
			Name: value("event"), Time: at, Actor: audit.Actor{Name: value("actor"), RequestID: value("request_id")},
			Subject: value("sub"), Grant: value("grant"), Key: value("kid"), Failed: value("outcome") == "failure",
			Count: int(count), KeptGrant: value("kept"), Reason: value("reason"), IP: value("ip"),
		}
		if client != target {
			e.Client = client
		}
		if audience != target {
			e.Audience = audience
		}
		events = append(events, e)
	}

	names := "time event request_id actor target outcome sub grant kid reason ip count kept"
	for name := range strings.FieldsSeq(names) {
		if !seen[name] {
			t.Errorf("the log has no member %q", name)
		}
	}
	return events
}

// The members of a line are those that recordedEvents reads.
func TestRead_RecordedLogHasNoOtherMembers(t *testing.T) {
	text, err := os.ReadFile("testdata/2026-11.log")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, `{"time":"`) || strings.Contains(line, `,"msg":`) {
			continue
		}
		var known struct {
			Time, Event, Actor, Target, Outcome, Sub, Grant, Kid, Reason, IP, Kept string

			RequestID string `json:"request_id"`
			Count     int
		}
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&known); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
}

// A line of the server's log is no event, whatever its attributes are. Only a
// line of the server's log has a message.
func TestRead_IgnoresLogLinesWithTheMembersOfAnEvent(t *testing.T) {
	const line = `{"time":"2026-11-30T11:19:09Z","level":"INFO","msg":"the key ring changed",` +
		`"event":"key.created","kid":"k1","reason":"the spare"}` + "\n" +
		`{"time":"2026-11-30T11:19:09Z","level":"INFO","msg":"two","event":["key.created"],"count":"2"}` + "\n" +
		`{"time":"2026-11-30T11:19:09Z","level":"INFO","msg":"","event":"key.created"}` + "\n"
	events, faults, err := audit.Read(strings.NewReader(line))
	if err != nil || len(events) != 0 || len(faults) != 0 {
		t.Errorf("%+v, %q, %v: want no event and no fault", events, faults, err)
	}
}
