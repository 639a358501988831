package config

import (
	"net"
	"strconv"

	"github.com/signetd/signet/keys"
)

// issuer checks the issuer identifier (RFC 8414 §2).
func (k *checker) issuer(issuer string) {
	if issuer == "" {
		k.fault("issuer", "is not set", "the URL by which clients know this issuer, such as https://login.example.com")
		return
	}
	if _, err := keys.ParseIssuer(issuer); err != nil {
		k.fault("issuer", "is "+quote(issuer), err.Error())
	}
}

// listeners checks the addresses of the servers. No two addresses may be equal.
// The HTTP and gRPC servers need a loopback address, a Unix socket, TLS or
// tls.insecure_plain_text, because they receive passwords and tokens. The
// server for gateways needs a loopback address, a Unix socket, or client
// certificates.
func (k *checker) listeners(c Config) {
	taken := map[string]string{}
	for _, l := range []struct {
		key, address string
		protected    bool
	}{
		{"http.address", c.HTTP.Address, true},
		{"grpc.address", c.GRPC.Address, true},
		{"ops.address", c.Ops.Address, false},
		{"gateway.address", c.Gateway.Address, false},
	} {
		if l.address == "" && l.key == "gateway.address" {
			continue
		}
		path, unix := UnixPath(l.address)
		_, port, err := net.SplitHostPort(l.address)
		number, errPort := strconv.ParseUint(port, 10, 16)
		loopback := Listener{l.address}.IsLoopback()
		switch {
		case unix && (path == "" || len(path) > maxUnixPath || path[0] == '@'):
			k.fault(l.key, "is "+quote(l.address), "unix: and the path of a file, of 1 to 107 bytes")
		case !unix && (err != nil || errPort != nil):
			k.fault(l.key, "is "+quote(l.address), "HOST:PORT, such as 127.0.0.1:8080, or unix:PATH")
		case taken[l.address] != "" && (unix || number != 0):
			k.fault(l.key, "is "+quote(l.address)+", the same as "+taken[l.address], "a different address")
		case l.protected && !loopback && !c.TLS.Enabled() && !c.TLS.InsecurePlainText:
			k.fault(l.key, "is "+quote(l.address)+", not loopback, and would speak plain text",
				"a loopback address, tls.cert_file, or TLS in front of it and tls.insecure_plain_text: true")
		case l.key == "gateway.address" && !loopback && c.TLS.ClientCAFile == "":
			k.fault(l.key, "is "+quote(l.address)+", not loopback, and every machine could ask for access tokens",
				"a loopback address, or tls.cert_file and tls.client_ca_file: then only gateways can connect")
		}
		taken[l.address] = l.key
	}
}

// tls checks that the settings are complete, so that the server never starts
// with only a part of the requested protection.
func (k *checker) tls(t TLS) {
	if t.CertFile != "" && t.KeyFile == "" {
		k.fault("tls.cert_file", "is set without tls.key_file", "both or neither")
	}
	if t.KeyFile != "" && t.CertFile == "" {
		k.fault("tls.key_file", "is set without tls.cert_file", "both or neither")
	}
	if t.ClientCAFile != "" && !t.Enabled() {
		k.fault("tls.client_ca_file", "is set without tls.cert_file", "a server certificate as well")
	}
	if t.InsecurePlainText && t.Enabled() {
		k.fault("tls.insecure_plain_text", "is true although tls.cert_file is set",
			"only one of them, because a certificate turns plain text off")
	}
	k.oneOf("tls.min_version", t.MinVersion, "1.2", "1.3")
}

// proxies rejects a network that contains all addresses. With such a network
// every caller could choose its own address.
func (k *checker) proxies(all Prefixes) {
	for _, p := range all {
		if p.Bits() == 0 {
			k.fault("trusted_proxies", "contains "+quote(p.String())+", which matches every address",
				"the addresses of your proxies")
		}
	}
}
