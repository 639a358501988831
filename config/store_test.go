package config

import (
	"fmt"
	"strings"
	"testing"
)

// Rule 72: a connection to the database that can be without TLS is refused,
// unless the database is on this machine or the operator allows it.
func TestRule72_DatabaseNeedsTLS(t *testing.T) {
	for url, host := range map[string]string{
		"postgres://h/d":                                            "h",
		"postgres://h/d?sslmode=prefer":                             "h",
		"postgres://h/d?sslmode=allow":                              "h",
		"postgres://h/d?sslmode=disable":                            "h",
		"postgres://10.0.0.1/d?sslmode=disable":                     "10.0.0.1",
		"postgres://[fd00::1]/d?sslmode=disable":                    "fd00::1",
		"postgres://localhost.example/d?sslmode=disable":            "localhost.example",
		"postgres://localhost,db/d?sslmode=disable":                 "db",
		"postgres:///d?host=/run,db&sslmode=disable":                "db",
		"postgres://h/d?sslmode=require":                            "",
		"postgres://h/d?sslmode=verify-ca":                          "",
		"postgres://h,i/d?sslmode=verify-full":                      "",
		"postgres:///d?host=/run&sslmode=disable":                   "",
		"postgres://[::1]/d?sslmode=disable":                        "",
		"postgres://localhost:1,[::1]:2,127.0.0.2/d?sslmode=prefer": "",
	} {
		s := sources()
		s.Env = append(s.Env, "SIGNET_STORE_URL="+url)
		_, err := Load(s)
		if host == "" && err != nil {
			t.Errorf("%s: %v", url, err)
		}
		want := fmt.Sprintf("store.url allows a connection without TLS to %q", host)
		if host != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%s: error %v, want %s", url, err, want)
		}

		s.Env = append(s.Env, "SIGNET_STORE_INSECURE=true")
		if _, err := Load(s); err != nil {
			t.Errorf("%s with store.insecure: %v", url, err)
		}
	}
}
