// Package oauth holds the nouns of the house: Client, User, Audience, Grant, Scope, and the errors that every door
// translates from one table. It imports nothing of ours and promises no compatibility to importers.
package oauth
