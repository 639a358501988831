package web

import (
	"net/url"
	"time"

	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/revocation"
)

// parsePoll returns the poll that the query of a request describes. Without a
// query, the request is for all entries.
//
// It is strict, so that a misspelled parameter is an error and not a poll that
// never waits.
func parsePoll(query string) (feed.Request, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return feed.Request{}, malformed("The query is not well-formed.")
	}
	r := feed.Request{Full: len(values) == 0}
	for name, all := range values {
		if len(all) > 1 {
			return feed.Request{}, malformed("A parameter occurs more than once.")
		}
		if err := setPollParameter(&r, name, all[0]); err != nil {
			return feed.Request{}, err
		}
	}
	if !r.Full && !values.Has("after") {
		return feed.Request{}, malformed("The parameter after is missing. The others need it.")
	}
	return r, nil
}

// setPollParameter sets a parameter of a poll.
func setPollParameter(r *feed.Request, name, value string) (err error) {
	switch name {
	case "after":
		if r.After, err = revocation.ParsePosition(value); err != nil {
			return malformed("The parameter after must be a position of the feed: SEQ-MARK, such as 0-0.")
		}
	case "wait":
		r.Wait, err = time.ParseDuration(value)
		if err != nil || r.Wait < 0 || r.Wait > feed.MaxWait {
			return malformed("The parameter wait must be a duration from 0s to 10s, such as 2s or 500ms.")
		}
	case "name":
		if r.Name = value; !feed.ValidName(value) {
			return malformed("The parameter name must have 1 to 64 letters, digits, dots, underscores and hyphens.")
		}
	case "keys":
		if r.Keys = value; !feed.ValidETag(value) {
			return malformed("The parameter keys must be the ETag of a JWK Set, with its quotes.")
		}
	default:
		return malformed("The only parameters are after, wait, name and keys.")
	}
	return nil
}
