package page

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/signetd/signet/internal/rpc/validate"
)

const (
	defaultSize = 100
	maxSize     = 1000
	// maxBytes is the size of the messages at which a page ends. gRPC clients
	// accept responses of 4 MiB by default.
	maxBytes = 1 << 20
	// maxToken is the maximum size of a page token, in bytes.
	maxToken = 1 << 10
)

// Validate checks the fields page_size and page_token of a request.
func Validate(v *validate.Violations, size int32, token string) {
	if size < 0 || size > maxSize {
		v.Add("page_size", fmt.Sprintf("must be 0 to %d", maxSize))
	}
	v.Bounded("page_token", token, maxToken)
}

// Size returns the maximum number of messages in a page. Zero requests the
// default.
func Size(requested int32) int {
	if requested == 0 {
		return defaultSize
	}
	return int(requested)
}

// Cut returns the first messages of a list as a page. A page has at most limit
// messages and 1 MiB, but always one message. more is true if the list has
// messages after the page.
func Cut[T any, M proto.Message](list []T, limit int, encode func(T) M) (page []M, more bool) {
	size := 0
	for n, item := range list {
		m := encode(item)
		size += proto.Size(m)
		if n == limit || n > 0 && size > maxBytes {
			return page, true
		}
		page = append(page, m)
	}
	return page, false
}
