package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/keys"
)

// keysFlags are the flags of `keys`. At most one operation may be given.
type keysFlags struct {
	rotate, plan, now     bool
	algorithms, waitFor   []string
	cancel, compromise    string
	canary, pem           string
	newKEK                string
	importFile, importAs  string
	reseal, acceptRestore bool
}

const keysHelp = `Show each key: its states with their dates, and its current state. The flags change the keys. Running servers apply a
change within keys.poll_interval, without a restart.

--new-kek FILE creates a KEK in the new file FILE. If kek.file exists, the command also appends the KEK to it, and seals new
keys with it. If servers have copies of kek.file, each copy needs the new KEK first: append the output of
` + "`openssl rand -base64 32`" + ` to all copies, then run the command with kek.file itself. --reseal seals the other keys with the
new KEK. After that, the older KEKs can be deleted from kek.file.

--import FILE imports a key of another system, such as the previous issuer. It becomes the spare key of its algorithm: it is
published at once, and signs after the next --rotate. A JWK keeps its kid, and --kid KID names the kid of a key in PEM, so
that the tokens which the key has signed under it stay valid. Several keys with such a kid sign one after another. Without
both, the kid is the RFC 7638 thumbprint. The file remains: delete it when it is no longer needed.

--pem KID prints the public key of a key that is in the JWK Set as PEM (SubjectPublicKeyInfo): one that signs, the next one,
or one whose tokens are still valid. A verifier with a PEM file does not learn of a rotation: give it the next key before.

--canary AUDIENCE prints an access token that the next key has signed. Send it to the services of the audience before the
rotation: a service that answers 401 may not have the key, and one that answers 403 has accepted the signature. The token is
valid for a minute. Its only scope is canary, and its client and subject are operator:canary, which no client and no user
can be.`

func newKeysCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Show and rotate the keys, withdraw a compromised key, change the KEK",
		Long:  keysHelp, Args: cobra.NoArgs,
	}
	f := newKeysFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := f.check(c); err != nil {
			return err
		}
		ctx := c.Context()
		if f.newKEK != "" {
			return newKEK(ctx, p, f.newKEK)
		}

		a, err := p.openForOperator(ctx)
		if err != nil {
			return err
		}
		defer a.Close()
		if err := a.OpenKeys(ctx); err != nil {
			return err
		}
		return runKeyOperation(ctx, p, a, f)
	}
	return c
}

func newKeysFlags(c *cobra.Command) *keysFlags {
	f, flags := new(keysFlags), c.Flags()
	flags.BoolVar(&f.rotate, "rotate", false,
		"activate the next key of each signing algorithm in use, and print the dates with their reasons")
	flags.StringArrayVar(&f.algorithms, "alg", nil, "with --rotate: `RS256, ES256, EdDSA, mac or all` (repeatable)")
	flags.BoolVar(&f.plan, "plan", false, "with --rotate: only print the plan")
	flags.BoolVar(&f.now, "now", false, "with --rotate: activate the keys now, and print what may fail")
	flags.StringArrayVar(&f.waitFor, "wait-for", nil,
		"with --rotate: first wait until the verifier `NAME` has the next keys (repeatable)")
	flags.StringVar(&f.cancel, "cancel", "", "remove the activation date of the pre-active key `KID`")
	flags.StringVar(&f.compromise, "compromise", "",
		"mark the key `KID` as compromised: the servers stop using and publishing it")
	flags.StringVar(&f.canary, "canary", "",
		"print a token for `AUDIENCE` under the next key, valid for a minute, to try the key at verifiers")
	flags.StringVar(&f.pem, "pem", "",
		"print the public key `KID` as PEM, for verifiers that read no JWK Set")
	flags.StringVar(&f.newKEK, "new-kek", "", "create a KEK in the new `FILE` and seal with it")
	flags.StringVar(&f.importFile, "import", "",
		"import the private signing key in `FILE` (PEM or JWK) as the spare key")
	flags.StringVar(&f.importAs, "kid", "", "with --import: the `KID` of the key (default that of the JWK)")
	flags.BoolVar(&f.reseal, "reseal", false,
		"seal all keys with the newest KEK; fails while a key remains under another one")
	flags.BoolVar(&f.acceptRestore, "accept-restore", false,
		"accept the keys of a store that was restored from a backup")
	c.MarkFlagsMutuallyExclusive(
		"rotate", "cancel", "compromise", "canary", "pem", "new-kek", "import", "reseal", "accept-restore",
	)
	return f
}

// check returns a usage error for flags that cobra cannot check.
func (f *keysFlags) check(c *cobra.Command) error {
	for _, name := range []string{"cancel", "compromise", "canary", "pem", "new-kek", "import", "kid"} {
		if flag := c.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
			return usageError("--" + name + " needs a value")
		}
	}
	if !f.rotate && (f.plan || f.now || len(f.algorithms) > 0 || len(f.waitFor) > 0) {
		return usageError("--alg, --plan, --now and --wait-for need --rotate")
	}
	if f.importAs != "" && f.importFile == "" {
		return usageError("--kid needs --import")
	}
	if slices.Contains(f.waitFor, "") {
		return usageError("--wait-for needs a value")
	}
	return nil
}

// runKeyOperation runs the operation that the flags name. Without one it shows
// the keys.
func runKeyOperation(ctx context.Context, p *program, a *app.App, f *keysFlags) error {
	switch {
	case f.rotate:
		return rotateKeys(ctx, p, a, f.algorithms, f.waitFor, keys.RotateOptions{Plan: f.plan, Now: f.now})
	case f.cancel != "":
		return cancelRotation(ctx, p, a, f.cancel)
	case f.compromise != "":
		return compromiseKey(ctx, p, a, f.compromise)
	case f.canary != "":
		return issueCanary(ctx, p, a, f.canary)
	case f.pem != "":
		return exportKey(p, a, f.pem)
	case f.importFile != "":
		return importKey(ctx, p, a, f.importFile, f.importAs)
	case f.reseal:
		return resealKeys(ctx, p, a)
	case f.acceptRestore:
		return acceptRestore(ctx, p, a)
	}
	return showKeys(p, a.Keys.Rows())
}
