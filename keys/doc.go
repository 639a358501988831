// Package keys manages the signing and MAC keys: the key ring, key states,
// rotation, and the JWK Set.
//
// The store keeps one key ring. Each server polls it and signs from its copy:
//
//	Store ── poll ──► ringCache ──► snapshot ──► Manager: Signer, MAC, Set
//	  ▲                                │
//	  └── SwapRing ── writer ◄── update: maintenance, Operator
//
// Every change is a compare-and-swap of the whole ring. The server that loses
// the race reads the new ring and decides again.
//
// The activation dates decide which key signs. Each algorithm has one active
// key and one spare: a pre-active key without an activation date. The spare of
// a signing algorithm is already in the JWK Set.
//
// The package promises no compatibility to importers.
package keys
