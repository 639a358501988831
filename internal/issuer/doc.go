// Package issuer is the verbs on tokens and grants, such as Login, Refresh and Mint, one file each, and who may call them: the
// directory of clients. It promises no compatibility to importers.
package issuer
