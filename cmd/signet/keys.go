package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
)

// keysFlags say what to do with the ring: one thing at most.
type keysFlags struct {
	rotate, plan, now     bool
	algorithms            []string
	cancel, compromise    string
	newKEK, importFile    string
	reseal, acceptRestore bool
}

func (p *program) keysCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Show the keys, rotate them, take a stolen one out of service, change the KEK",
		Long: "Show the keys: each state that a key goes through by its dates, and which one it is in now. With one of the flags, change\n" +
			"them; running servers follow within keys.poll_interval, without a restart.\n\n" +
			"--new-kek FILE makes a fresh KEK in FILE, a new file, which is all if the servers have no KEK yet. If they have, it also\n" +
			"writes it behind the others in kek.file and seals with it from now on. Servers that have copies of kek.file must have\n" +
			"the new one first: write it into all of them (`openssl rand -base64 32`), and then name kek.file itself. --reseal moves\n" +
			"all keys to the new one, after which the older ones can be deleted from kek.file.\n\n" +
			"--import FILE takes a key that was made elsewhere, such as that of the issuer before this one. It becomes the spare of its\n" +
			"algorithm, is published at once and signs after the next --rotate. Its kid is its RFC 7638 thumbprint here, whatever it was\n" +
			"there. The file stays as it is: delete it once it is not needed.",
		Args: cobra.NoArgs,
	}
	var f keysFlags
	flags := c.Flags()
	flags.BoolVar(&f.rotate, "rotate", false, "hand over to the next key of each signing algorithm in use, and tell when and why not sooner")
	flags.StringArrayVar(&f.algorithms, "alg", nil, "with --rotate: `RS256, ES256, EdDSA, mac or all` (repeatable)")
	flags.BoolVar(&f.plan, "plan", false, "with --rotate: only tell what would happen")
	flags.BoolVar(&f.now, "now", false, "with --rotate: skip the waits, and tell what may break")
	flags.StringVar(&f.cancel, "cancel", "", "take the date of the pre-active key `KID` back")
	flags.StringVar(&f.compromise, "compromise", "", "take the key `KID` out of service at once: the panic button")
	flags.StringVar(&f.newKEK, "new-kek", "", "make a KEK in the new `FILE` and seal with it from now on")
	flags.StringVar(&f.importFile, "import", "", "take the private signing key in `FILE` (PEM or JWK) in as the spare")
	flags.BoolVar(&f.reseal, "reseal", false, "seal everything with the newest KEK; fails while anything remains under another")
	flags.BoolVar(&f.acceptRestore, "accept-restore", false, "accept that the store was put back to a state of before")
	c.MarkFlagsMutuallyExclusive("rotate", "cancel", "compromise", "new-kek", "import", "reseal", "accept-restore")
	c.RunE = func(c *cobra.Command, _ []string) error {
		for _, name := range []string{"cancel", "compromise", "new-kek", "import"} {
			if flags.Changed(name) && flags.Lookup(name).Value.String() == "" {
				return usageError("--" + name + " wants a value")
			}
		}
		if !f.rotate && (f.plan || f.now || len(f.algorithms) > 0) {
			return usageError("--alg, --plan and --now belong to --rotate")
		}
		if f.newKEK != "" {
			return p.newKEK(c.Context(), f.newKEK)
		}
		return p.withKeys(c.Context(), func(ctx context.Context, h *house) error { return p.changeKeys(ctx, h, f) })
	}
	return c
}

// withKeys opens the store and its ring for an operator.
func (p *program) withKeys(ctx context.Context, do func(context.Context, *house) error) error {
	h, err := p.openStore(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	if err := h.openKeys(ctx, true); err != nil {
		return err
	}
	return do(ctx, h)
}

func (p *program) changeKeys(ctx context.Context, h *house, f keysFlags) error {
	switch {
	case f.rotate:
		return p.rotate(ctx, h, f)
	case f.cancel != "":
		if err := h.keys.Operator().Cancel(ctx, keys.Actor(h.operator()), f.cancel); err != nil {
			return err
		}
		return p.did("key", f.cancel, "cancelled; it is a spare again")
	case f.compromise != "":
		return p.compromise(ctx, h, f.compromise)
	case f.importFile != "":
		return p.importKey(ctx, h, f.importFile)
	case f.reseal:
		return p.reseal(ctx, h)
	case f.acceptRestore:
		if err := h.keys.Operator().AcceptRestore(ctx, keys.Actor(h.operator())); err != nil {
			return err
		}
		return p.did("key", "ring", "accepted as the store has it")
	}
	return p.showKeys(h)
}

func (p *program) showKeys(h *house) error {
	rows := append([]keys.Row{}, h.keys.Rows()...)
	lines := table{{"KID", "ALG", "STATE", "NOW", "FROM", "UNTIL", "KEK"}}
	for _, row := range rows {
		for _, span := range row.Spans {
			now := ""
			if span.State == row.State {
				now = "now"
			}
			lines = append(lines, []string{row.Key, row.Algorithm, string(span.State), now, when(span.From), when(span.To), row.KEK})
		}
	}
	return p.show(rows, lines.print)
}

func (p *program) rotate(ctx context.Context, h *house, f keysFlags) error {
	algorithms, err := h.algorithms(f.algorithms)
	if err != nil {
		return err
	}
	options := keys.RotateOptions{Plan: f.plan, Now: f.now}
	plan, err := h.keys.Operator().Rotate(ctx, keys.Actor(h.operator()), algorithms, options)
	if err != nil {
		return err
	}
	return p.show(plan, func(w io.Writer) {
		lines := table{{"AT", "ALG", "KID", "STATE", "WHY THEN"}}
		for _, s := range plan.Steps {
			kid := s.Key
			if kid == "" {
				kid = "(new)"
			}
			lines = append(lines, []string{when(s.At), s.Algorithm, kid, string(s.State), s.Reason})
		}
		lines.print(w)
		warn(w, plan.Warnings)
	})
}

// algorithms reads the --alg flags. None means what keys.Operator.Rotate means by none.
func (h *house) algorithms(given []string) ([]string, error) {
	var names []string
	for _, g := range given {
		known := []string{keys.RS256, keys.ES256, keys.EdDSA, keys.MAC}
		i := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, g) })
		switch {
		case strings.EqualFold(g, "all"):
			names = append(h.signing(), keys.MAC)
		case i < 0:
			return nil, usageError("--alg must be RS256, ES256, EdDSA, mac or all")
		case !slices.Contains(names, known[i]):
			names = append(names, known[i])
		}
	}
	return names, nil
}

// signing returns the algorithms that have a key which signs tokens now.
func (h *house) signing() []string {
	var names []string
	for _, row := range h.keys.Rows() {
		if row.State == keys.Active && row.Algorithm != keys.MAC {
			names = append(names, row.Algorithm)
		}
	}
	return names
}

func warn(w io.Writer, warnings []string) {
	for _, warning := range warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
}

// compromised is what --compromise prints.
type compromised struct {
	Key       string   `json:"kid"`
	Algorithm string   `json:"alg"`
	Successor string   `json:"successor,omitempty"`
	Warnings  []string `json:"warnings"`
}

func (p *program) compromise(ctx context.Context, h *house, kid string) error {
	if err := h.keys.Operator().Compromise(ctx, keys.Actor(h.operator()), kid); err != nil {
		return err
	}
	result := h.compromised(kid, time.Now())
	return p.show(result, func(w io.Writer) {
		sheet{{"compromised", result.Key}, {"alg", result.Algorithm}, {"signs now", result.Successor}}.print(w)
		warn(w, result.Warnings)
	})
}

// compromised tells who signs instead, and what may break.
func (h *house) compromised(kid string, now time.Time) compromised {
	rows, policy := h.keys.Rows(), h.policy()
	result := compromised{Key: kid}
	for _, row := range rows {
		if row.Key == kid {
			result.Algorithm = row.Algorithm
		}
	}
	if result.Algorithm == keys.MAC {
		result.Warnings = []string{"all refresh tokens made under this key are refused: those who hold them log in again"}
	} else {
		result.Warnings = []string{fmt.Sprintf("tokens that this key signed are refused: by introspection at once, by verifiers with a cached JWK Set "+
			"when it expires (keys.max_age, %s)", policy.MaxAge)}
	}
	for _, row := range rows {
		if row.Algorithm != result.Algorithm || row.State != keys.Active {
			continue
		}
		result.Successor = row.Key
		known := row.Spans[0].From
		if until := known.Add(policy.Window()); row.Algorithm != keys.MAC && now.Before(until) {
			result.Warnings = append(result.Warnings, fmt.Sprintf("the key %s is in the JWK Set since %s only: until %s verifiers that hold a cached "+
				"JWK Set from before may refuse what it signs", row.Key, when(known), when(until)))
		}
	}
	return result
}

// importKey takes a key in that was made elsewhere.
func (p *program) importKey(ctx context.Context, h *house, path string) error {
	text, err := seal.ReadGiven(path)
	if err != nil {
		return err
	}
	kid, err := h.keys.Operator().Import(ctx, keys.Actor(h.operator()), text)
	if err != nil {
		return about(path, err)
	}
	return p.did("key", kid, "imported; it is the spare, and `signet keys --rotate` hands over to it")
}

func (p *program) reseal(ctx context.Context, h *house) error {
	remaining, err := h.keys.Operator().Reseal(ctx, keys.Actor(h.operator()))
	if err != nil {
		return err
	}
	err = p.show(map[string]int{"remaining": remaining}, func(w io.Writer) {
		fmt.Fprintf(w, "%d keys remain under an older KEK\n", remaining)
	})
	if err == nil && remaining > 0 {
		err = errors.New("not everything could be sealed with the newest KEK; keep the older ones")
	}
	return err
}
