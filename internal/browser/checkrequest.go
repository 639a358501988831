package browser

import "time"

// DefaultAudience is the audience of a CheckRequest that means the client's
// default.
const DefaultAudience = "-"

// A CheckRequest is what a gateway reports about a request of a browser.
type CheckRequest struct {
	// Audience is the audience of the service, or DefaultAudience.
	Audience string
	// Optional lets requests without a login pass, without an access token.
	Optional bool
	Method   string
	// Proto and Host are those of the URL of the request. They identify the
	// client: together they are one of its origins.
	Proto, Host string
	// URI is the path and the query, as the browser has sent them.
	URI string
	// Header returns the values of a header. The name is in canonical form; see
	// http.CanonicalHeaderKey.
	Header func(name string) []string
}

// A Verdict is the answer to a gateway.
type Verdict struct {
	// Status is 200, 302, 401, 403 or 503.
	Status int
	// Authorization and Cookie replace the headers of the request if the status
	// is 200, also if they are empty.
	Authorization, Cookie string
	// Location is the login page, if the status is 302.
	Location string
	// RetryAfter is set if the status is 503.
	RetryAfter time.Duration
	// Err is the error behind another status than 200, for the log.
	Err error

	outcome string
}
