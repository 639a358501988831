package grant

import "github.com/signetd/signet/internal/oauth"

// A SweepBatch is what a store found and did among some grants that follow each other by id. A walk over all grants is made of
// slices.
type SweepBatch struct {
	// Last is the greatest id that was looked at; zero if there was none. The next slice begins behind it.
	Last oauth.GrantID
	// Examined is how many grants were looked at, Live how many of them were live.
	Examined, Live int
	// Deleted is how many of them were over for so long that they were deleted.
	Deleted int
}
