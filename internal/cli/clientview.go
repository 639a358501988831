package cli

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/signetd/signet/internal/client"
)

// clientView is a client in the result of a command. It has the secret only in
// the result of the command that creates the secret.
type clientView struct {
	ID        string   `json:"id"`
	Secret    string   `json:"client_secret,omitempty"`
	Name      string   `json:"name,omitempty"`
	Public    bool     `json:"public"`
	Audiences []string `json:"audience"`
	Scope     string   `json:"scope"`
	// IntrospectAudiences are the audiences whose tokens it may introspect.
	IntrospectAudiences []string `json:"introspect_audiences,omitempty"`
	refreshView
	MintSubjects bool `json:"mint_subjects"`
	credentialsView
	Browser     *browserView `json:"browser,omitempty"`
	CORSOrigins []string     `json:"cors_origins,omitempty"`
	DisabledAt  time.Time    `json:"disabled_at,omitzero"`
	CreatedAt   time.Time    `json:"created_at"`
}

// refreshView has the limits of the client's grants; an empty one is the
// issuer's default.
type refreshView struct {
	RefreshIdle     string `json:"refresh_idle,omitempty"`
	RefreshAbsolute string `json:"refresh_absolute,omitempty"`
	Leeway          string `json:"leeway,omitempty"`
	RetryWindow     string `json:"retry_window,omitempty"`
	GrantsPerUser   *int   `json:"grants_per_user,omitempty"`
}

// credentialsView has what the client authenticates with.
type credentialsView struct {
	CertSANs         []string    `json:"cert_sans,omitempty"`
	Keys             []keyView   `json:"keys,omitempty"`
	SecretsCreatedAt []time.Time `json:"secrets_created_at,omitempty"`
}

// browserView is an application in the browser.
type browserView struct {
	Way       client.Way `json:"way"`
	Origins   []string   `json:"origins"`
	LoginPath string     `json:"login_path"`
}

// keyView is a client's public key.
type keyView struct {
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
}

func newClientView(c client.Client, secret string) clientView {
	v := clientView{
		ID: c.ID, Secret: secret, Name: c.Name, Public: c.Public,
		Audiences: append([]string{}, c.Audiences...), Scope: c.Scope.String(),
		refreshView: refreshView{
			RefreshIdle: formatDuration(c.RefreshIdle), RefreshAbsolute: formatDuration(c.RefreshAbsolute),
			GrantsPerUser: c.GrantsPerUser,
		},
		IntrospectAudiences: c.IntrospectAudiences,

		MintSubjects:    c.MintSubjects,
		credentialsView: credentialsView{CertSANs: c.CertSANs},
		CORSOrigins:     c.CORSOrigins,
		DisabledAt:      c.DisabledAt, CreatedAt: c.CreatedAt,
	}
	if c.Browser != nil {
		v.Browser = &browserView{c.Way(), c.Browser.Origins, c.LoginPath()}
	}
	if c.Leeway != nil {
		v.Leeway = c.Leeway.String()
	}
	if c.RetryWindow != nil {
		v.RetryWindow = c.RetryWindow.String()
	}
	for _, k := range c.Keys {
		v.Keys = append(v.Keys, keyView{k.ID, k.Algorithm})
	}
	for _, s := range c.Secrets {
		v.SecretsCreatedAt = append(v.SecretsCreatedAt, s.CreatedAt)
	}
	return v
}

func (v clientView) print(w io.Writer) {
	secrets := make([]string, len(v.SecretsCreatedAt))
	for i, t := range v.SecretsCreatedAt {
		secrets[i] = formatTime(t)
	}
	keys := make([]string, len(v.Keys))
	for i, k := range v.Keys {
		keys[i] = k.ID + " (" + k.Algorithm + ")"
	}
	var browser browserView
	if v.Browser != nil {
		browser = *v.Browser
	}
	notice := ""
	if v.Secret != "" {
		notice = "Store the secret now: it is not shown again."
	}

	fieldTable{
		{"id", v.ID},
		{"name", v.Name},
		{"kind", v.kind()},
		{"way", string(browser.Way)},
		{"origins", strings.Join(browser.Origins, " ")},
		{"login path", browser.LoginPath},
		{"cors origins", strings.Join(v.CORSOrigins, " ")},
		{"audience", strings.Join(v.Audiences, " ")},
		{"scope", v.Scope},
		{"introspects", strings.Join(v.IntrospectAudiences, " ")},
		{"refresh idle", v.RefreshIdle},
		{"refresh absolute", v.RefreshAbsolute},
		{"leeway", v.Leeway},
		{"retry window", v.RetryWindow},
		{"grants per user", formatNumber(v.GrantsPerUser)},
		{"mints subjects", formatYes(v.MintSubjects)},
		{"certificate", strings.Join(v.CertSANs, " ")},
		{"keys", strings.Join(keys, " ")},
		{"secrets created", strings.Join(secrets, " ")},
		{"disabled", formatTime(v.DisabledAt)},
		{"created", formatTime(v.CreatedAt)},
		{"secret", v.Secret},
		{"", notice},
	}.print(w)
}

// row returns the client as a row of the list.
func (v clientView) row() []string {
	way := ""
	if v.Browser != nil {
		way = string(v.Browser.Way)
	}
	return []string{
		v.ID, v.kind(), way, formatState(v.DisabledAt), strings.Join(v.Audiences, " "), v.Scope,
		strconv.Itoa(len(v.SecretsCreatedAt)), formatTime(v.CreatedAt),
	}
}

// kind returns the client type (RFC 6749 §2.1).
func (v clientView) kind() string {
	if v.Public {
		return "public"
	}
	return "confidential"
}
