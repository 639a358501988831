package keys

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// parsePrivate parses one private key: PEM (PKCS #8, PKCS #1 or SEC 1) or a
// JWK. The kid is that of the JWK, or empty. Its errors never quote the input.
func parsePrivate(text []byte) (signer crypto.Signer, kid string, err error) {
	var key any
	if text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte("{")) {
		key, kid, err = parseJWK(text)
	} else {
		key, err = parsePEM(text)
	}
	if err != nil {
		return nil, "", err
	}

	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, "", fmt.Errorf("keys of the type %T are not supported", key)
	}
	return signer, kid, nil
}

func parseJWK(text []byte) (key any, kid string, err error) {
	parsed, err := jwk.ParseKey(text)
	if err != nil {
		return nil, "", errors.New("it is not a private JWK")
	}
	if use := parsed.KeyUsage(); use != "" && use != string(jwk.ForSignature) {
		return nil, "", fmt.Errorf("the JWK is not for signatures (use is %q)", use)
	}

	if err := parsed.Raw(&key); err != nil {
		return nil, "", errors.New("it is not a private JWK")
	}

	switch alg := parsed.Algorithm().String(); alg {
	case "", RS256, ES256, EdDSA:
		return key, parsed.KeyID(), nil
	default:
		return nil, "", fmt.Errorf("the JWK is for %s; want RS256, ES256 or EdDSA", alg)
	}
}

// parsePEM parses one PEM block. It skips the parameters block that some
// programs write before an EC key.
func parsePEM(text []byte) (any, error) {
	block, rest := pem.Decode(text)
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	switch {
	case block == nil:
		return nil, errors.New("it is neither PEM nor a JWK")
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("it has data after the first key; want exactly one key")
	case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
		return nil, errors.New("it is encrypted: decrypt it first (openssl pkey -in FILE)")
	}

	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, errors.New("it is PEM but not a private key")
	}
	if err != nil {
		return nil, errors.New("the private key in it is malformed") // The cause might quote it.
	}
	return key, nil
}
