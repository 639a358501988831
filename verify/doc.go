// Package verify verifies the access tokens of a Signet issuer in the service
// that receives them, without a request to the issuer for each token.
//
// A Verifier keeps the issuer's public keys, and the revocations of tokens that
// have not expired. It refuses a revoked token within about a second:
//
//	v, err := verify.New(ctx, "https://issuer.example", verify.Options{
//		Audience:   "orders",
//		Revocation: verify.FailClosed(5 * time.Second),
//	})
//	if err != nil {
//		return err
//	}
//	defer v.Close()
//
//	mux.Handle("/orders", v.Middleware(orders, verify.Scope("orders:read")))
//
// Middleware verifies the token of each request; other code calls Verify. While
// ends streams with their token. Package verifygrpc has interceptors for gRPC,
// and verifytest an issuer for tests.
//
// The package imports only the standard library and two small packages of this
// module.
package verify
