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
//	claims, err := v.Verify(ctx, token)
//
// The package imports only the standard library and two small packages of this
// module.
package verify
