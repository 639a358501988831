// Package chromium runs the browser Chromium, so that tests can use an
// application as its users do. Its own tests show what a login in the browser
// survives: lost answers, crashes, sleep, several tabs, and thieves.
package chromium
