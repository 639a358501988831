package config

import (
	"strings"
	"time"
)

// Config is the whole configuration. The file signet.yaml documents the
// meaning, unit and default of each key. The yaml tag of a field is the name of
// its key.
type Config struct {
	Issuer  string   `yaml:"issuer"`
	DataDir string   `yaml:"data_dir"`
	HTTP    Listener `yaml:"http"`
	GRPC    GRPC     `yaml:"grpc"`
	Ops     Listener `yaml:"ops"`
	// Gateway is the server that gateways ask about the requests of browsers.
	// Its address is empty if there is none.
	Gateway Listener `yaml:"gateway"`
	TLS     TLS      `yaml:"tls"`
	// TrustedProxies are the addresses from which the server accepts
	// ProxyHeader.
	TrustedProxies Prefixes `yaml:"trusted_proxies"`
	ProxyHeader    string   `yaml:"proxy_header"`
	// MaxStreams is the maximum number of requests in progress on one HTTP/2
	// connection.
	MaxStreams int     `yaml:"max_streams"`
	Store      Store   `yaml:"store"`
	KEK        KEK     `yaml:"kek"`
	Keys       Keys    `yaml:"keys"`
	Tokens     Tokens  `yaml:"tokens"`
	Refresh    Refresh `yaml:"refresh"`
	// Revocations configures the feed of revocations.
	Revocations Revocations `yaml:"revocations"`
	Password    Password    `yaml:"password"`
	Throttle    Throttle    `yaml:"throttle"`
	Log         Log         `yaml:"log"`
	Shutdown    Shutdown    `yaml:"shutdown"`

	// File is the path of the configuration file that Load read. It is empty
	// if there was none.
	File string `yaml:"-"`
	// Origins maps each key (http.address) to the source of its value:
	// FromDefault, FromDev, FromFlag, a file and line, or the name of an
	// environment variable.
	Origins map[string]string `yaml:"-"`
}

// Origins of values that come neither from a file nor from the environment.
const (
	FromDefault = "default"
	FromDev     = "--dev"
	FromFlag    = "flag"
)

// GRPC configures the gRPC server.
type GRPC struct {
	Address    string `yaml:"address"`
	Reflection bool   `yaml:"reflection"`
}

// TLS configures the protection of connections to the HTTP and gRPC servers.
type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ClientCAFile turns client certificates on. If it is empty, the server
	// requests no client certificate.
	ClientCAFile      string `yaml:"client_ca_file"`
	MinVersion        string `yaml:"min_version"`
	InsecurePlainText bool   `yaml:"insecure_plain_text"`
}

// Enabled reports whether the HTTP and gRPC servers use TLS.
func (t TLS) Enabled() bool { return t.CertFile != "" }

// Store configures the database.
type Store struct {
	// URL is sqlite:PATH or postgres://…; Load fills it in if it is not set.
	URL Secret `yaml:"url"`
	// Insecure allows connections to other machines without TLS.
	Insecure bool `yaml:"insecure"`
	MaxConns int  `yaml:"max_conns"`
	// Coalesce lets concurrent writes share a statement or a transaction.
	Coalesce         bool          `yaml:"coalesce"`
	ConnectTimeout   time.Duration `yaml:"connect_timeout"`
	StatementTimeout time.Duration `yaml:"statement_timeout"`
	// SweepEvery is the interval at which the server deletes ended grants; 0
	// means never.
	SweepEvery time.Duration `yaml:"sweep_every"`
}

// SQLite returns the path of the SQLite file. It returns false if the store is
// Postgres.
func (s Store) SQLite() (path string, ok bool) {
	return strings.CutPrefix(string(s.URL), sqliteScheme)
}

// KEK configures the key-encryption key.
type KEK struct {
	// File is the path of the KEK file; Load fills it in if it is not set.
	File string `yaml:"file"`
}

// Keys configures the signing keys.
type Keys struct {
	MaxAge       time.Duration `yaml:"max_age"`
	PublishAhead time.Duration `yaml:"publish_ahead"`
	RotateEvery  time.Duration `yaml:"rotate_every"`
	PollInterval time.Duration `yaml:"poll_interval"`
	ClockSkew    time.Duration `yaml:"clock_skew"`
	RSABits      int           `yaml:"rsa_bits"`
}

// Tokens configures the access tokens.
type Tokens struct {
	Lifetime    time.Duration `yaml:"lifetime"`
	MaxLifetime time.Duration `yaml:"max_lifetime"`
}

// Refresh configures the grants and their refresh tokens.
type Refresh struct {
	IdleLifetime     time.Duration `yaml:"idle_lifetime"`
	AbsoluteLifetime time.Duration `yaml:"absolute_lifetime"`
	MaxLifetime      time.Duration `yaml:"max_lifetime"`
	Leeway           time.Duration `yaml:"leeway"`
	GrantsPerUser    int           `yaml:"grants_per_user"`
}

// Revocations configures the feed by which verifiers learn of revoked tokens.
type Revocations struct {
	PollInterval time.Duration `yaml:"poll_interval"`
	MaxWaiting   int           `yaml:"max_waiting"`
	// Access is RevocationsForEverybody or RevocationsForClients.
	Access string `yaml:"access"`
	// SigningAlgorithm is empty for the algorithm with the fastest signatures
	// for which there is a key.
	SigningAlgorithm string `yaml:"signing_alg"`
	ClientPerHour    int    `yaml:"client_per_hour"`
}

// The values of Revocations.Access.
const (
	RevocationsForEverybody = "everybody"
	RevocationsForClients   = "clients"
)

// Password configures the cost of a password hash (argon2id) and the
// requirements for new passwords.
type Password struct {
	// Memory is a whole number of KiB.
	Memory      Size `yaml:"memory"`
	Iterations  int  `yaml:"iterations"`
	Parallelism int  `yaml:"parallelism"`
	// MemoryBudget is the most memory that concurrent hashes may use together;
	// 0 means half of the available memory.
	MemoryBudget Size `yaml:"memory_budget"`
	// MinLength counts Unicode code points.
	MinLength int `yaml:"min_length"`
}

// Throttle configures the limits on failed logins.
type Throttle struct {
	AddressPerHour int `yaml:"address_per_hour"`
}

// Log configures what the server writes to stderr in addition to the audit
// events.
type Log struct {
	Format string `yaml:"format"`
	Level  string `yaml:"level"`
}

// Shutdown configures how the server stops.
type Shutdown struct {
	Drain   time.Duration `yaml:"drain"`
	Timeout time.Duration `yaml:"timeout"`
}
