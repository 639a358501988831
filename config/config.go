package config

import (
	"strings"
	"time"
)

// Config is the whole configuration. What each key means, its unit and its default stand in signet.yaml; a field is named
// in its tag as the key is there.
type Config struct {
	Issuer  string   `yaml:"issuer"`
	DataDir string   `yaml:"data_dir"`
	HTTP    Listener `yaml:"http"`
	GRPC    GRPC     `yaml:"grpc"`
	Ops     Listener `yaml:"ops"`
	TLS     TLS      `yaml:"tls"`
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies Prefixes `yaml:"trusted_proxies"`
	Store          Store    `yaml:"store"`
	KEK            KEK      `yaml:"kek"`
	Keys           Keys     `yaml:"keys"`
	Tokens         Tokens   `yaml:"tokens"`
	Refresh        Refresh  `yaml:"refresh"`
	Password       Password `yaml:"password"`
	Throttle       Throttle `yaml:"throttle"`
	Log            Log      `yaml:"log"`
	Shutdown       Shutdown `yaml:"shutdown"`

	// File is the configuration file that was read; empty if there was none.
	File string `yaml:"-"`
	// Origins says where the value of each key (http.address) comes from: FromDefault, FromDev, FromFlag, the file and
	// line, or the name of the environment variable.
	Origins map[string]string `yaml:"-"`
}

// Origins that are neither a line of a file nor an environment variable.
const (
	FromDefault = "default"
	FromDev     = "--dev"
	FromFlag    = "flag"
)

// A Listener is an address, HOST:PORT, on which a door listens.
type Listener struct {
	Address string `yaml:"address"`
}

// GRPC is the gRPC door.
type GRPC struct {
	Address    string `yaml:"address"`
	Reflection bool   `yaml:"reflection"`
}

// TLS is how connections to the doors are protected.
type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ClientCAFile turns on client certificates; empty means that none is asked for.
	ClientCAFile      string `yaml:"client_ca_file"`
	MinVersion        string `yaml:"min_version"`
	InsecurePlainText bool   `yaml:"insecure_plain_text"`
}

// On says whether the doors speak TLS.
func (t TLS) On() bool { return t.CertFile != "" }

// Store is the database.
type Store struct {
	// URL is sqlite:PATH or postgres://…; Load fills it if nobody gave one.
	URL      Secret `yaml:"url"`
	MaxConns int    `yaml:"max_conns"`
	// Coalesce lets writes that wait at the same moment share a statement or a transaction.
	Coalesce         bool          `yaml:"coalesce"`
	ConnectTimeout   time.Duration `yaml:"connect_timeout"`
	StatementTimeout time.Duration `yaml:"statement_timeout"`
	// SweepEvery is how often grants that are over are swept; 0 means never.
	SweepEvery time.Duration `yaml:"sweep_every"`
}

// SQLite returns the path of the database file, and false if the store is Postgres.
func (s Store) SQLite() (path string, ok bool) {
	return strings.CutPrefix(string(s.URL), sqliteScheme)
}

// KEK is the key-encryption key.
type KEK struct {
	// File is the path of the key; Load fills it if nobody gave one.
	File string `yaml:"file"`
}

// Keys are the signing keys.
type Keys struct {
	MaxAge       time.Duration `yaml:"max_age"`
	PublishAhead time.Duration `yaml:"publish_ahead"`
	RotateEvery  time.Duration `yaml:"rotate_every"`
	PollInterval time.Duration `yaml:"poll_interval"`
	ClockSkew    time.Duration `yaml:"clock_skew"`
	RSABits      int           `yaml:"rsa_bits"`
}

// Tokens are the access tokens.
type Tokens struct {
	Lifetime    time.Duration `yaml:"lifetime"`
	MaxLifetime time.Duration `yaml:"max_lifetime"`
}

// Refresh are the grants and their refresh tokens.
type Refresh struct {
	IdleLifetime     time.Duration `yaml:"idle_lifetime"`
	AbsoluteLifetime time.Duration `yaml:"absolute_lifetime"`
	MaxLifetime      time.Duration `yaml:"max_lifetime"`
	Leeway           time.Duration `yaml:"leeway"`
}

// Password is what a password hash costs (argon2id), and what a password must be.
type Password struct {
	// Memory is a whole number of KiB.
	Memory      Size `yaml:"memory"`
	Iterations  int  `yaml:"iterations"`
	Parallelism int  `yaml:"parallelism"`
	// MemoryBudget is what all hashes together may take at once; 0 means half of what there is.
	MemoryBudget Size `yaml:"memory_budget"`
	// MinLength is in Unicode code points.
	MinLength int `yaml:"min_length"`
}

// Throttle is how many guesses at passwords are allowed.
type Throttle struct {
	AddressPerHour int `yaml:"address_per_hour"`
}

// Log is what the server writes to stderr beside the audit events.
type Log struct {
	Format string `yaml:"format"`
	Level  string `yaml:"level"`
}

// Shutdown is how the server stops.
type Shutdown struct {
	Drain   time.Duration `yaml:"drain"`
	Timeout time.Duration `yaml:"timeout"`
}
