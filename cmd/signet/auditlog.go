package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/telemetry"
)

// auditTo writes events as they stand in the audit log.
func auditTo(a *telemetry.Audit) func(oauth.Event) error {
	return func(e oauth.Event) error {
		return a.Record(e.Name, e.Time, slog.String("request_id", e.RequestID), slog.String("actor", e.Actor),
			slog.String("target", e.Target()), slog.String("outcome", e.Outcome()), slog.String("sub", e.Subject),
			slog.String("grant", e.Grant), slog.String("kid", e.Key), slog.String("reason", e.Reason), slog.String("ip", e.IP),
			countOf(e), slog.String("kept", e.Kept))
	}
}

// countOf is how many grants were ended, where that is said.
func countOf(e oauth.Event) slog.Attr {
	if e.Count == 0 {
		return slog.String("count", "")
	}
	return slog.Int("count", e.Count)
}

// maxAuditLine bounds what is read as one line of an audit log.
const maxAuditLine = 1 << 20

// auditLine is an event as auditTo writes it.
type auditLine struct {
	Time      time.Time `json:"time"`
	Event     string    `json:"event"`
	Message   *string   `json:"msg"`
	RequestID string    `json:"request_id"`
	Actor     string    `json:"actor"`
	Target    string    `json:"target"`
	Outcome   string    `json:"outcome"`
	Subject   string    `json:"sub"`
	Grant     string    `json:"grant"`
	Key       string    `json:"kid"`
	Reason    string    `json:"reason"`
	IP        string    `json:"ip"`
	Kept      string    `json:"kept"`
}

// readAudit returns the events of a log in the order of their times, and what is wrong with the lines that are none. Other
// lines of a server's log may stand among them.
func readAudit(r io.Reader) (events []oauth.Event, faults []string, err error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, err
		}
		switch e, ok, fault := parseAudit(line); {
		case fault != "":
			faults = append(faults, fmt.Sprintf("line %d: %s", number, fault))
		case ok:
			events = append(events, e)
		}
	}
	slices.SortStableFunc(events, func(a, b oauth.Event) int { return a.Time.Compare(b.Time) })
	return events, faults, nil
}

// readLine returns the next line, cut off where it is too long to be one of ours.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, more, err := r.ReadLine()
		if err != nil {
			return "", err
		}
		if len(line) <= maxAuditLine {
			line = append(line, part...)
		}
		if !more {
			return string(line), nil
		}
	}
}

// parseAudit reads one line. ok is false for those that are no events, such as other lines of a log.
func parseAudit(line string) (e oauth.Event, ok bool, fault string) {
	line = strings.TrimSpace(line)
	switch {
	case line == "", strings.HasPrefix(line, "time="), strings.HasPrefix(line, "time "):
		return e, false, ""
	case len(line) > maxAuditLine:
		return e, false, "it is too long"
	case line[0] != '{':
		return e, false, "it is no JSON object"
	}
	var a auditLine
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		return e, false, "it is not whole, or not of Signet's"
	}
	switch {
	case a.Event == "" && a.Message != nil:
		return e, false, ""
	case a.Event == "":
		return e, false, "it names no event"
	case a.Time.IsZero():
		return e, false, "it has no time"
	}
	e = oauth.Event{
		Name: a.Event, Time: a.Time, RequestID: a.RequestID, Actor: a.Actor, Subject: a.Subject, Grant: a.Grant, Key: a.Key,
		Failed: a.Outcome == oauth.Event{Failed: true}.Outcome(), Reason: a.Reason, IP: a.IP, Kept: a.Kept,
	}
	switch kind, id, _ := strings.Cut(a.Target, ":"); kind {
	case "client":
		e.Client = id
	case "audience":
		e.Audience = id
	}
	return e, true, ""
}
