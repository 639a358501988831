package cli

import (
	"github.com/spf13/pflag"

	"github.com/signetd/signet/internal/client"
)

// wayFlag is the name of the flag of `clients create` with the way of the
// logins in the browser. `clients update` does not have it, because the way
// cannot change.
const wayFlag = "browser"

// browserFlags are the flags about an application in the browser.
type browserFlags struct {
	way       string
	origins   []string
	loginPath string
}

// add adds the flags that `clients create` and `clients update` have.
func (f *browserFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.origins, "origin", nil,
		"an `ORIGIN` of a client in the browser: one with https, and loopback ones with http (repeatable)")
	flags.StringVar(&f.loginPath, "login-path", "",
		"the `PATH` of the login page of a client in the browser (default /login)")
}

// addWay adds the flag that only `clients create` has.
func (f *browserFlags) addWay(flags *pflag.FlagSet) {
	flags.StringVar(&f.way, wayFlag, "", "log the users in in the browser: "+
		"`WAY` is page (tokens in the page), refresh (refresh token in a cookie) or session (session cookie)")
}

// edit sets the fields whose flags are given.
func (f *browserFlags) edit(flags *pflag.FlagSet, c *client.Client) {
	if !flags.Changed(wayFlag) && !flags.Changed("origin") && !flags.Changed("login-path") {
		return
	}
	if c.Browser == nil {
		c.Browser = &client.Browser{}
	}
	setIfGiven(flags, wayFlag, &c.Browser.Way, client.Way(f.way))
	setIfGiven(flags, "origin", &c.Browser.Origins, nonEmpty(f.origins))
	setIfGiven(flags, "login-path", &c.Browser.LoginPath, f.loginPath)
}
