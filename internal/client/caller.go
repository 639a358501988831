package client

import (
	"cmp"
	"net/netip"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
)

// AdminScope is the scope of callers who administer the issuer.
const AdminScope = "signet.admin"

// A Caller is an authenticated client and the request that it makes.
type Caller struct {
	Client    Client
	RequestID string
	// Subject is the sub of the access token that authenticated the request. It
	// is empty if the client authenticated itself.
	Subject string
	// Admin is true if the caller administers the issuer. Then the caller may
	// act on the grants of every client.
	Admin bool
	// Origin is the origin of the page that calls, if it is a page of the
	// client's browser application. It is empty for every other caller.
	Origin string
	// Address is the address that the request came from, without a zone. An
	// IPv4 address has four bytes. Address is the zero value if it is not
	// known.
	Address netip.Addr
}

// Actor returns the caller as the audit log names it.
func (c Caller) Actor() audit.Actor {
	return audit.Actor{Name: cmp.Or(c.Subject, c.Client.ID), RequestID: c.RequestID}
}

// An EndUser is what the client reports about the device of the end user.
type EndUser struct {
	IP          string
	UserAgent   string
	DeviceLabel string
}

// EndUserAddress returns the address of the end user, or the zero address if it
// is not known. A public client runs on the end user's device and could report
// any address, so the result is the address that it calls from. A confidential
// client runs elsewhere, so the result is the address that it reports.
func (c Caller) EndUserAddress(u EndUser) (netip.Addr, error) {
	if c.Client.Public {
		return c.Address, nil
	}
	if u.IP == "" {
		return netip.Addr{}, nil
	}
	addr, ok := oauth.ParseAddress(u.IP)
	if !ok {
		return netip.Addr{}, oauth.Fail(oauth.InvalidRequest, "end_user.ip is not an IP address.")
	}
	return addr, nil
}
