// Package admin administers users, clients and audiences, and replays an audit
// log into a restored store. It promises no compatibility to importers.
package admin
