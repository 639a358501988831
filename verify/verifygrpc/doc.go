// Package verifygrpc protects a gRPC server with the access tokens of a Signet
// issuer.
//
//	rules := verifygrpc.Rules{
//		"/orders.v1.Orders/List":   {verify.Scope("orders:read")},
//		"/orders.v1.Orders/Watch":  {verify.Scope("orders:read")},
//		"/grpc.health.v1.Health/*": verifygrpc.Public,
//	}
//	server := grpc.NewServer(
//		verifygrpc.Unary(v, rules), verifygrpc.Stream(v, rules))
//
// In a handler, verify.From returns the claims of the token. The context of a
// stream ends when its token is revoked or expires; see verify.Verifier.While.
//
// A call without authorization ends with one of these codes:
//
//   - UNAUTHENTICATED if there is no valid token, or the login is too old,
//   - PERMISSION_DENIED if the token does not satisfy a rule, and for a method
//     without a rule,
//   - UNAVAILABLE with google.rpc.RetryInfo if tokens cannot be verified now.
//
// Each status has a google.rpc.ErrorInfo with an error code of RFC 6750 §3.1 or
// RFC 9470 §3 in capitals, such as INVALID_TOKEN.
package verifygrpc
