// Package adminrpc is the AdminService of the gRPC API: users, clients,
// audiences and keys. It promises no compatibility to importers.
package adminrpc
