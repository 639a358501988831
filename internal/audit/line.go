package audit

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// maxLine is the maximum length of the line of an event, in bytes.
const maxLine = 1 << 20

// line is one event as the audit log holds it. The members keep this order.
type line struct {
	Time      time.Time `json:"time"`
	Event     string    `json:"event"`
	RequestID string    `json:"request_id,omitempty"`
	Actor     string    `json:"actor,omitempty"`
	Target    string    `json:"target,omitempty"`
	Outcome   string    `json:"outcome,omitempty"`
	Subject   string    `json:"sub,omitempty"`
	Grant     string    `json:"grant,omitempty"`
	Token     string    `json:"jti,omitempty"`
	Key       string    `json:"kid,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	IP        string    `json:"ip,omitempty"`
	Count     int       `json:"count,omitempty"`
	Moment    time.Time `json:"moment,omitzero"`
	Kept      string    `json:"kept,omitempty"`
	AgeMillis int64     `json:"age_ms,omitempty"`
}

// encode returns the event as one line of JSON.
func encode(e Event) ([]byte, error) {
	text, err := json.Marshal(line{
		Time: e.Time.UTC(), Event: e.Name, RequestID: e.Actor.RequestID, Actor: e.Actor.Name, Target: e.Target(),
		Outcome: e.Outcome(), Subject: e.Subject, Grant: e.Grant, Token: e.Token, Key: e.Key, Reason: e.Reason,
		IP: e.IP, Count: e.Count, Moment: e.Moment.UTC(), Kept: e.KeptGrant, AgeMillis: e.Age.Milliseconds(),
	})
	return append(text, '\n'), err
}

// The faults of a line.
var (
	errTooLong  = errors.New("the line is longer than 1 MiB")
	errNotJSON  = errors.New("the line is not a JSON object")
	errNotWhole = errors.New("the line is not a complete audit event")
	errNoEvent  = errors.New("the line has no event name")
	errNoTime   = errors.New("the line has no time")
)

// decode reads one line of a log. ok is false if the line is no event, such as
// an empty line or another line of the server's log.
func decode(text string) (e Event, ok bool, err error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "", strings.HasPrefix(text, "time="), strings.HasPrefix(text, "time "):
		return e, false, nil
	case len(text) > maxLine:
		return e, false, errTooLong
	case text[0] != '{':
		return e, false, errNotJSON
	}

	// Every other line of the server's log has a message. Its attributes may
	// have the names of an event's members, and other types.
	var other struct {
		Message *string `json:"msg"`
	}
	if json.Unmarshal([]byte(text), &other) == nil && other.Message != nil {
		return e, false, nil
	}
	var read line
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		return e, false, errNotWhole
	}
	switch {
	case read.Event == "":
		return e, false, errNoEvent
	case read.Time.IsZero():
		return e, false, errNoTime
	}
	return read.event(), true, nil
}

// event returns the event that the line holds.
func (l line) event() Event {
	e := Event{
		Name: l.Event, Time: l.Time, Actor: Actor{Name: l.Actor, RequestID: l.RequestID}, Subject: l.Subject,
		Grant: l.Grant, Token: l.Token, Key: l.Key, Failed: l.Outcome == OutcomeFailure, Reason: l.Reason, IP: l.IP,
		Count: l.Count, Moment: l.Moment, KeptGrant: l.Kept, Age: time.Duration(l.AgeMillis) * time.Millisecond,
	}
	switch kind, id, _ := strings.Cut(l.Target, ":"); kind {
	case "client":
		e.Client = id
	case "audience":
		e.Audience = id
	}
	return e
}
