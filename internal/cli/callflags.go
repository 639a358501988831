package cli

import (
	"cmp"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"
)

// callFlags are the flags of the commands that call an issuer.
type callFlags struct {
	grpc       string
	clientID   string
	secretFile string
	public     bool
	tls        tlsFiles
}

func newCallFlags(c *cobra.Command) *callFlags {
	f, flags := new(callFlags), c.Flags()
	flags.StringVar(&f.grpc, "grpc", "",
		"the issuer's gRPC `ADDRESS`, HOST:PORT or unix:PATH "+
			"(default that of the stored login, dev.json or the configuration)")
	flags.StringVar(&f.clientID, "client-id", "", "the client's `ID` (default that of the stored login or dev.json)")
	flags.StringVar(&f.secretFile, "client-secret-file", "", "read the client's secret from this `FILE`")
	flags.BoolVar(&f.public, "public", false, "the client has no secret")
	flags.StringVar(&f.tls.CAFile, "ca", "", "use TLS and trust the CAs in this `FILE` instead of the system's")
	flags.StringVar(&f.tls.CertFile, "cert", "", "authenticate the client with the certificate in this `FILE`")
	flags.StringVar(&f.tls.KeyFile, "key", "", "the `FILE` of the certificate's private key")
	c.MarkFlagsMutuallyExclusive("client-secret-file", "public")
	c.MarkFlagsRequiredTogether("cert", "key")
	return f
}

// mergeTLSFiles returns the files of the flags, and those of the token file for
// flags that are not given. The paths are absolute, so that a later command in
// another directory finds the files.
func mergeTLSFiles(flags, stored tlsFiles) (tlsFiles, error) {
	var errs [3]error
	for i, path := range []*string{&flags.CAFile, &flags.CertFile, &flags.KeyFile} {
		if *path != "" {
			*path, errs[i] = filepath.Abs(*path)
		}
	}
	return tlsFiles{
		CAFile: cmp.Or(flags.CAFile, stored.CAFile), CertFile: cmp.Or(flags.CertFile, stored.CertFile),
		KeyFile: cmp.Or(flags.KeyFile, stored.KeyFile),
	}, errors.Join(errs[:]...)
}
