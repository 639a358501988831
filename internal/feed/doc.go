// Package feed reads the revocation log of the store and answers the polls of
// verifiers. It writes the entries into the issuer's own table, and cuts them
// into signed segments, which all verifiers share.
//
//	store ── tail ──► table of the issuer
//	           └────► segments ──► Poll, for verifiers
//
// One loop reads the log, signs, and replaces the state from which polls are
// answered. A poll needs neither the store nor, unless it gets all entries, a
// lock.
package feed
