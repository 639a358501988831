package main

// A way is how the browser holds a login.
type way struct {
	Number int
	Title  string
	// Name is the way as the flag --browser of `signet clients create` has it.
	Name string
	// Server is true if the pages come from the server and need no script.
	Server bool
	// Lead says in a sentence where the login is, Good and Bad the trade-off.
	Lead, Good, Bad string
}

// ways are the three ways, in the order of their ports.
var ways = []way{
	{
		Number: 1, Title: "Token in the page", Name: "page",
		Lead: "The page holds the access token and the refresh token, and every script of the page can read them.",
		Good: "It needs no cookie, and the page can call APIs on other origins.",
		Bad: "A script that an attacker brings into the page can use the login elsewhere, and each tab needs a " +
			"login of its own.",
	},
	{
		Number: 2, Title: "Refresh cookie", Name: "refresh",
		Lead: "The page holds an access token for a minute, and a cookie that no script can read has the refresh " +
			"token.",
		Good: "The login survives reloads, lost answers and second tabs, and the page can call APIs on other origins.",
		Bad: "A script that an attacker brings into the page can take the access token away, and use it until it " +
			"expires.",
	},
	{
		Number: 3, Title: "Session cookie", Name: "session", Server: true,
		Lead: "The page holds no token: a cookie that no script can read has a session token, and a gateway " +
			"exchanges it for an access token in each request.",
		Good: "There is no token to take away, and the pages work without JavaScript.",
		Bad: "Every API must be behind a gateway on the origin of the application, and a script that an " +
			"attacker brings into the page can send requests while it runs.",
	},
}
