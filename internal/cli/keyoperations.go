package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/privatefile"
	"github.com/signetd/signet/keys"
)

// showKeys prints the keys, with one line for each state of a key.
func showKeys(p *program, rows []keys.Row) error {
	rows = append([]keys.Row{}, rows...) // JSON has [] in place of null
	lines := table{{"KID", "ALG", "STATE", "NOW", "FROM", "UNTIL", "KEK"}}
	for _, row := range rows {
		for _, span := range row.Spans {
			now := ""
			if span.State == row.State {
				now = "now"
			}
			lines = append(lines, []string{
				row.Key, row.Algorithm, string(span.State), now, formatTime(span.From), formatTime(span.To), row.KEK,
			})
		}
	}
	return p.printResult(rows, lines.print)
}

// rotateKeys rotates the keys of the algorithms that the --alg flags name, or
// only prints the plan. It first waits for the verifiers of the --wait-for
// flags.
func rotateKeys(
	ctx context.Context, p *program, a *app.App, values, waitFor []string, options keys.RotateOptions,
) error {
	algorithms, all, err := parseAlgorithms(values)
	if err != nil {
		return err
	}
	if len(waitFor) > 0 {
		if err := waitForVerifiers(ctx, p, a, waitFor); err != nil {
			return err
		}
	}
	warnings, err := a.Admin.KeyWarnings(ctx, a.Keys.Set().ETag)
	if err != nil {
		return err
	}
	options.All = all
	plan, err := a.Keys.Operator().Rotate(ctx, a.Operator(), algorithms, options)
	if err != nil {
		return err
	}
	plan.Warnings = append(plan.Warnings, warnings...)
	return p.printResult(plan, func(w io.Writer) {
		lines := table{{"AT", "ALG", "KID", "STATE", "REASON"}}
		for _, s := range plan.Steps {
			kid := s.Key
			if kid == "" {
				kid = "(new)"
			}
			lines = append(lines, []string{formatTime(s.At), s.Algorithm, kid, string(s.State), s.Reason})
		}
		lines.print(w)
		printWarnings(w, plan.Warnings)
	})
}

// parseAlgorithms parses the values of the --alg flags. It returns no names if
// one of the values is "all", or if there are no values. Rotate has a default.
func parseAlgorithms(values []string) (names []string, all bool, err error) {
	known := []string{keys.RS256, keys.ES256, keys.EdDSA, keys.MAC}
	for _, value := range values {
		i := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, value) })
		switch {
		case strings.EqualFold(value, "all"):
			all = true
		case i < 0:
			return nil, false, usageError("--alg must be RS256, ES256, EdDSA, mac or all")
		case !slices.Contains(names, known[i]):
			names = append(names, known[i])
		}
	}
	if all {
		names = nil
	}
	return names, all, nil
}

// cancelRotation removes the activation date of a pre-active key.
func cancelRotation(ctx context.Context, p *program, a *app.App, kid string) error {
	if err := a.Keys.Operator().Cancel(ctx, a.Operator(), kid); err != nil {
		return err
	}
	return p.printDone("key", kid, "cancelled; it is a spare again")
}

// A compromiseResult is the result of `keys --compromise`.
type compromiseResult struct {
	Key       string   `json:"kid"`
	Algorithm string   `json:"alg"`
	Successor string   `json:"successor,omitempty"`
	Warnings  []string `json:"warnings"`
}

// compromiseKey marks a key as compromised.
func compromiseKey(ctx context.Context, p *program, a *app.App, kid string) error {
	if err := a.Keys.Operator().Compromise(ctx, a.Operator(), kid); err != nil {
		return err
	}
	result := newCompromiseResult(kid, a.Keys.Rows(), a.Config.KeyPolicy(), a.Keys.Now())
	return p.printResult(result, func(w io.Writer) {
		fieldTable{
			{"compromised", result.Key},
			{"alg", result.Algorithm},
			{"signs now", result.Successor},
		}.print(w)
		printWarnings(w, result.Warnings)
	})
}

// newCompromiseResult returns the key that signs in place of the compromised
// one, and warnings about what may fail.
func newCompromiseResult(kid string, rows []keys.Row, policy keys.Policy, now time.Time) compromiseResult {
	result := compromiseResult{Key: kid}
	for _, row := range rows {
		if row.Key == kid {
			result.Algorithm = row.Algorithm
		}
	}
	if result.Algorithm == keys.MAC {
		result.Warnings = []string{"all refresh tokens under this key are rejected: their users must log in again"}
	} else {
		result.Warnings = []string{fmt.Sprintf("tokens that this key signed are rejected: by introspection at once, "+
			"by services that follow the feed of revocations within a second, "+
			"by other verifiers when their JWK Set expires (keys.max_age, %s)", policy.MaxAge)}
	}

	for _, row := range rows {
		if row.Algorithm != result.Algorithm || row.State != keys.Active {
			continue
		}
		result.Successor = row.Key
		published := row.Spans[0].From
		if until := published.Add(policy.Window()); row.Algorithm != keys.MAC && now.Before(until) {
			result.Warnings = append(result.Warnings, fmt.Sprintf("the key %s is in the JWK Set only since %s: "+
				"until %s, verifiers with an older JWK Set in their cache may reject its tokens",
				row.Key, formatTime(published), formatTime(until)))
		}
	}
	return result
}

// importKey imports the private key in a file. An empty kid means that of the
// file.
func importKey(ctx context.Context, p *program, a *app.App, path, kid string) error {
	text, err := privatefile.ReadShared(path)
	if err != nil {
		return err
	}
	kid, err = a.Keys.Operator().Import(ctx, a.Operator(), text, kid)
	if err != nil {
		return wrapError(path, err)
	}
	return p.printDone("key", kid, "imported; it is the spare, and `signet keys --rotate` activates it")
}

// An exportResult is the result of `keys --pem`.
type exportResult struct {
	Key       string `json:"kid"`
	Algorithm string `json:"alg"`
	PEM       string `json:"pem"`
}

// exportKey prints the public key of a key as PEM. As text it prints only the
// PEM, so that a script can write the output to a file.
func exportKey(p *program, a *app.App, kid string) error {
	algorithm, text, err := a.Keys.Operator().PublicPEM(kid)
	if err != nil {
		return err
	}
	result := exportResult{kid, algorithm, string(text)}
	return p.printResult(result, func(w io.Writer) { fmt.Fprint(w, result.PEM) })
}

// resealKeys seals all keys with the newest KEK. It is an error if a key
// remains under an older KEK.
func resealKeys(ctx context.Context, p *program, a *app.App) error {
	remaining, err := a.Keys.Operator().Reseal(ctx, a.Operator())
	if err != nil {
		return err
	}
	err = p.printResult(map[string]int{"remaining": remaining}, func(w io.Writer) {
		fmt.Fprintf(w, "%d keys remain under an older KEK\n", remaining)
	})
	if err == nil && remaining > 0 {
		err = errors.New("some keys could not be sealed with the newest KEK; keep the older KEKs")
	}
	return err
}

// acceptRestore accepts the key ring of a store that was restored from a
// backup.
func acceptRestore(ctx context.Context, p *program, a *app.App) error {
	if err := a.Keys.Operator().AcceptRestore(ctx, a.Operator()); err != nil {
		return err
	}
	return p.printDone("key", "ring", "the restored keys are accepted")
}
