package page

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A page stays small enough for every client, whatever the size of its
// messages.
func TestPagesAreBoundedInBytes(t *testing.T) {
	many := make([]string, maxSize)
	user := func(size int) func(string) *signetv1.User {
		return func(string) *signetv1.User { return &signetv1.User{Id: strings.Repeat("x", size)} }
	}
	page, more := Cut(many, maxSize, user(5<<10))
	size := proto.Size(&signetv1.ListUsersResponse{Users: page})
	if !more || size > maxBytes+16<<10 || size < maxBytes/2 {
		t.Errorf("%d messages, %d bytes, more %v", len(page), size, more)
	}
	page, more = Cut(many[:2], 2, user(2*maxBytes))
	if len(page) != 1 || !more {
		t.Errorf("a message over the limit: %d messages, more %v", len(page), more)
	}
}
