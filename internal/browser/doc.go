// Package browser holds the logins of applications in the browser, in one of
// three ways: the tokens in the page, the refresh token in a cookie, or a
// session token in a cookie. In the last way a gateway asks for each request
// which access token it carries. The session of a browser is the grant of its
// login. The package promises no compatibility to importers.
package browser
