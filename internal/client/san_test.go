package client

import (
	"crypto/x509"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestValidCertSAN(t *testing.T) {
	for _, san := range []string{
		"dns:gw.example", "dns:gw-1.prod.example", "dns:localhost", "uri:spiffe://example.org/ns/prod/sa/gateway",
		"uri:https://gw.example:8443/id", "email:ops@example.org", "ip:192.0.2.1", "ip:2001:db8::1",
	} {
		if !ValidCertSAN(san) {
			t.Errorf("%q is not valid", san)
		}
	}
	for _, san := range []string{
		"", "gw.example", "dns:", "dns:GW.example", "dns:*.example", "dns:gw.example.", "dns:-a.example",
		"dns:a_b.example", "dns:gw example", "dns:g\u00fc.example", "uri:", "uri:gateway", "uri:SPIFFE://example.org/a", "uri:spiffe://example.org/a#b", "uri:https://me@gw.example/",
		"uri:https://gw.example/a b", "email:example.org", "email:a@b@c", "email:@example.org", "ip:gw.example", "ip:2001:DB8::1",
		"ip:::ffff:192.0.2.1", "ip:fe80::1%eth0", "DNS:gw.example", "cn:gateway",
	} {
		if ValidCertSAN(san) {
			t.Errorf("%q is valid", san)
		}
	}
}

func TestCertSANs(t *testing.T) {
	spiffe, err := url.Parse("spiffe://example.org/ns/prod/sa/gateway")
	if err != nil {
		t.Fatal(err)
	}
	got := CertSANs(&x509.Certificate{
		DNSNames: []string{"GW.example", "*.example"}, URIs: []*url.URL{spiffe},
		EmailAddresses: []string{"Ops@Example.org"},
		IPAddresses:    []net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:DB8::1"), {1}},
	})
	want := []string{
		"dns:gw.example", "dns:*.example", "uri:spiffe://example.org/ns/prod/sa/gateway", "email:Ops@example.org",
		"ip:192.0.2.1", "ip:2001:db8::1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, san := range got {
		if ValidCertSAN(san) == (san == "dns:*.example") {
			t.Errorf("%q: valid is %v", san, ValidCertSAN(san))
		}
	}
}

// The form of a name is stable. It is the same in upper and in lower case,
// where case does not matter. No character other than an ASCII letter becomes
// part of a valid name by the change of case.
func TestCertSANs_EveryCharacterHasOneForm(t *testing.T) {
	sansOf := func(dns, email string) []string {
		return CertSANs(&x509.Certificate{DNSNames: []string{dns}, EmailAddresses: []string{email}})
	}
	for r := range unicode.MaxRune + 1 {
		host, mailbox := "a"+string(r)+"b.example", "A"+string(r)+"b"
		sans := sansOf(host, mailbox+"@"+host)
		if got := sansOf(sans[0][len("dns:"):], sans[1][len("email:"):]); !slices.Equal(got, sans) {
			t.Errorf("%+q has the form %+q", sans, got)
		}
		if ValidCertSAN(sans[0]) && r > unicode.MaxASCII {
			t.Errorf("%+q has the valid form %+q", host, sans[0])
		}
		upper := strings.ToUpper(host)
		if got := sansOf(upper, mailbox+"@"+upper); r <= unicode.MaxASCII && !slices.Equal(got, sans) {
			t.Errorf("%+q has the forms %+q and %+q", host, sans, got)
		}
	}
}
