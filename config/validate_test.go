package config

import (
	"strings"
	"testing"
)

// Each case sets some keys and names the only key that is at fault. An empty
// name means that the configuration is valid.
func TestLoad_ValidatesEachKey(t *testing.T) {
	for _, c := range []struct{ set, fault string }{
		{"", ""},

		{"issuer=https://a.example", ""},
		{"issuer=https://a.example:8443/tenant/one", ""},
		{"issuer=http://127.0.0.1:8080", ""},
		{"issuer=http://localhost:8080", ""},
		{"issuer=http://[::1]:8080", ""},
		{"issuer=", "issuer"},
		{"issuer=http://a.example", "issuer"},
		{"issuer=http://localhost.example", "issuer"},
		{"issuer=http://10.0.0.1", "issuer"},
		{"issuer=https://a.example/", ""},
		{"issuer=https://a.example/t/", ""},
		{"issuer=https://a.example//", "issuer"},
		{"issuer=https://a.example/../t", "issuer"},
		{"issuer=https://a.example//t", "issuer"},
		{"issuer=https://a.example?x=1", "issuer"},
		{"issuer=https://a.example?", "issuer"},
		{"issuer=https://a.example#", "issuer"},
		{"issuer=https://a.example#x", "issuer"},
		{"issuer=https://u@a.example", "issuer"},
		{"issuer=https://A.example", "issuer"},
		{"issuer=HTTPS://a.example", "issuer"},
		{"issuer=https://", "issuer"},
		{"issuer=https://:443", "issuer"},
		{"issuer=https://a.example/ü", "issuer"},
		{"issuer=https://a.example/%41", "issuer"},
		{"issuer=https://a.example/a%2fb", "issuer"},
		{"issuer= https://a.example", "issuer"},
		{"issuer=a.example", "issuer"},
		{"issuer=ftp://127.0.0.1", "issuer"},

		{"data_dir= kek.file=k store.url=sqlite:x", "data_dir"},

		{"http.address=localhost:0", ""},
		{"http.address=[::1]:80", ""},
		{"http.address=127.9.9.9:80", ""},
		{"http.address=[::ffff:127.0.0.1]:80", ""},
		{"http.address=:8080", "http.address"},
		{"http.address=0.0.0.0:8080", "http.address"},
		{"http.address=[::]:8080", "http.address"},
		{"http.address=example.com:8080", "http.address"},
		{"http.address=localhost.example.com:8080", "http.address"},
		{"http.address=8080", "http.address"},
		{"http.address=127.0.0.1", "http.address"},
		{"http.address=127.0.0.1:", "http.address"},
		{"http.address=127.0.0.1:http", "http.address"},
		{"http.address=127.0.0.1:65536", "http.address"},
		{"http.address=127.0.0.1:-1", "http.address"},
		{"grpc.address=0.0.0.0:9090", "grpc.address"},
		{"grpc.address=0.0.0.0:9090 http.address=:8080 tls.insecure_plain_text=true", ""},
		{"grpc.address=x tls.insecure_plain_text=true", "grpc.address"},
		{"ops.address=0.0.0.0:8081", ""},
		{"ops.address=127.0.0.1:8080", "ops.address"},
		{"gateway.address=127.0.0.1:8082", ""},
		{"gateway.address=127.0.0.1:8081", "gateway.address"},
		{"gateway.address=8082", "gateway.address"},
		{"gateway.address=0.0.0.0:8082", "gateway.address"},
		{"gateway.address=0.0.0.0:8082 tls.insecure_plain_text=true", "gateway.address"},
		{"gateway.address=0.0.0.0:8082 tls.cert_file=c tls.key_file=k", "gateway.address"},
		{"gateway.address=0.0.0.0:8082 tls.cert_file=c tls.key_file=k tls.client_ca_file=a", ""},
		{"ops.address=127.0.0.1:0 http.address=127.0.0.1:0 grpc.address=127.0.0.1:0", ""},

		{"http.address=0.0.0.0:8080 grpc.address=:9090 tls.cert_file=c tls.key_file=k", ""},
		{"tls.cert_file=c tls.key_file=k tls.client_ca_file=a tls.min_version=1.2", ""},
		{"tls.cert_file=c", "tls.cert_file"},
		{"tls.key_file=k", "tls.key_file"},
		{"http.address=0.0.0.0:8080 tls.key_file=k tls.insecure_plain_text=true", "tls.key_file"},
		{"tls.client_ca_file=a", "tls.client_ca_file"},
		{"tls.cert_file=c tls.key_file=k tls.insecure_plain_text=true", "tls.insecure_plain_text"},
		{"tls.min_version=1.1", "tls.min_version"},
		{"tls.min_version=", "tls.min_version"},
		{"tls.min_version=1.3", ""},

		{"trusted_proxies=10.0.0.0/8,::1,192.0.2.1,2001:db8::/32", ""},
		{"trusted_proxies=::ffff:192.0.2.1", ""},
		{"trusted_proxies=", ""},
		{"trusted_proxies=10.0.0.1/8", "trusted_proxies"},
		{"trusted_proxies=10.0.0.0/33", "trusted_proxies"},
		{"trusted_proxies=::ffff:10.0.0.0/104", "trusted_proxies"},
		{"trusted_proxies=fe80::1%eth0", "trusted_proxies"},
		{"trusted_proxies=proxy.example", "trusted_proxies"},
		{"trusted_proxies=10.0.0.1,", "trusted_proxies"},
		{"trusted_proxies=0.0.0.0/0", "trusted_proxies"},
		{"trusted_proxies=10.0.0.0/8,::/0", "trusted_proxies"},
		{"proxy_header=X-Forwarded-For", ""},
		{"proxy_header=Forwarded", ""},
		{"proxy_header=", "proxy_header"},
		{"proxy_header=X-Real-IP", "proxy_header"},
		{"proxy_header=X-Forwarded-For,Forwarded", "proxy_header"},

		{"store.url=postgresql:///d?host=/run", ""},
		{"store.url=postgres://localhost,127.0.0.1:5433/d store.connect_timeout=1m", ""},
		{"store.url=postgres://h:1,i:2/d?sslmode=require&application_name=a&DateStyle=ISO&options=-cjit%3Doff&my.own=1", ""},
		{"store.url=postgres://h/d?sslmode=verify-full&pool_min_conns=1&target_session_attrs=any", ""},
		{"store.url=postgres://h/d?sslmode=require&sslmod=require", "store.url"},
		{"store.url=postgres://h/d?sslmode=required", "store.url"},
		{"store.url=postgres://h/d?sslmode=require&sslrootcert=/none", "store.url"},
		{"store.url=postgres://h/d?sslmode=require&pool_min_conns=one", "store.url"},
		{"store.url=postgres://h/d?sslmode=require&default_query_exec_mode=exec", "store.url"},
		{"store.url=postgres://h/d?sslmode=require&target_session_attrs=standby", "store.url"},
		{"store.url=postgres://h:1,i:2,j/d?sslmode=require&port=1,2", "store.url"},
		{"store.url=postgres://h:70000/d?sslmode=require", "store.url"},
		{"store.url=sqlite:", "store.url"},
		{"store.url=data/signet.db", "store.url"},
		{"store.url=postgres", "store.url"},
		{"store.url=mysql://h/d", "store.url"},
		{"store.max_conns=0", "store.max_conns"},
		{"store.max_conns=1001", "store.max_conns"},
		{"store.connect_timeout=0s", "store.connect_timeout"},
		{"store.connect_timeout=2m", "store.connect_timeout"},
		{"store.statement_timeout=99ms", "store.statement_timeout"},
		{"store.statement_timeout=61s", "store.statement_timeout"},
		{"store.sweep_every=59s", "store.sweep_every"},
		{"store.sweep_every=-1h", "store.sweep_every"},
		{"store.sweep_every=169h", "store.sweep_every"},

		{"keys.max_age=1m keys.publish_ahead=5m2s", ""},
		{"keys.max_age=1m keys.publish_ahead=5m1s", "keys.publish_ahead"},
		{"keys.max_age=59s", "keys.max_age"},
		{"keys.max_age=1h keys.publish_ahead=64m2s", ""},
		{"keys.max_age=1h keys.publish_ahead=1h", "keys.publish_ahead"},
		{"keys.max_age=61m keys.publish_ahead=2h", "keys.max_age"},
		{"keys.max_age=60500ms", "keys.max_age"},
		{"keys.poll_interval=99ms", "keys.poll_interval"},
		{"keys.poll_interval=61s", "keys.poll_interval"},
		{"keys.clock_skew=0s", ""},
		{"keys.clock_skew=-1s", "keys.clock_skew"},
		{"keys.clock_skew=11m", "keys.clock_skew"},
		{"keys.rotate_every=1h", ""},
		{"keys.rotate_every=59m59s", "keys.rotate_every"},
		{"keys.rotate_every=8761h", "keys.rotate_every"},
		{"keys.rsa_bits=3072", ""},
		{"keys.rsa_bits=4096", ""},
		{"keys.rsa_bits=1024", "keys.rsa_bits"},
		{"keys.rsa_bits=2049", "keys.rsa_bits"},

		{"tokens.lifetime=1h", ""},
		{"tokens.lifetime=61m", "tokens.lifetime"},
		{"tokens.lifetime=0s", "tokens.lifetime"},
		{"tokens.lifetime=1500ms", "tokens.lifetime"},
		{"tokens.max_lifetime=9m", "tokens.lifetime"},
		{"tokens.max_lifetime=24h", ""},
		{"tokens.max_lifetime=25h", "tokens.max_lifetime"},

		{"refresh.idle_lifetime=720h", ""},
		{"refresh.idle_lifetime=721h", "refresh.idle_lifetime"},
		{"refresh.idle_lifetime=0s", "refresh.idle_lifetime"},
		{"refresh.idle_lifetime=1500ms", "refresh.idle_lifetime"},
		{"refresh.absolute_lifetime=2160h", ""},
		{"refresh.absolute_lifetime=2161h", "refresh.absolute_lifetime"},
		{"refresh.max_lifetime=17520h", ""},
		{"refresh.max_lifetime=17521h", "refresh.max_lifetime"},
		{"refresh.leeway=0s", ""},
		{"refresh.leeway=60s", ""},
		{"refresh.leeway=61s", "refresh.leeway"},
		{"refresh.leeway=-1s", "refresh.leeway"},
		{"refresh.grants_per_user=0", ""},
		{"refresh.grants_per_user=10000", ""},
		{"refresh.grants_per_user=10001", "refresh.grants_per_user"},
		{"refresh.grants_per_user=-1", "refresh.grants_per_user"},

		{"revocations.poll_interval=50ms", ""},
		{"revocations.poll_interval=2s", ""},
		{"revocations.poll_interval=49ms", "revocations.poll_interval"},
		{"revocations.poll_interval=2001ms", "revocations.poll_interval"},
		{"revocations.max_waiting=1", ""},
		{"revocations.max_waiting=100000", ""},
		{"revocations.max_waiting=0", "revocations.max_waiting"},
		{"revocations.max_waiting=100001", "revocations.max_waiting"},
		{"revocations.access=clients", ""},
		{"revocations.access=", "revocations.access"},
		{"revocations.access=nobody", "revocations.access"},
		{"revocations.signing_alg=EdDSA", ""},
		{"revocations.signing_alg=ES256", ""},
		{"revocations.signing_alg=RS256", ""},
		{"revocations.signing_alg=", ""},
		{"revocations.signing_alg=HS256", "revocations.signing_alg"},
		{"revocations.client_per_hour=1", ""},
		{"revocations.client_per_hour=1000000", ""},
		{"revocations.client_per_hour=0", "revocations.client_per_hour"},
		{"revocations.client_per_hour=1000001", "revocations.client_per_hour"},

		{"password.memory=256MiB password.iterations=10 password.parallelism=16 password.memory_budget=256MiB", ""},
		{"password.memory=19455KiB", "password.memory"},
		{"password.memory=262145KiB", "password.memory"},
		{"password.memory=20000001B", "password.memory"},
		{"password.iterations=1", "password.iterations"},
		{"password.iterations=11", "password.iterations"},
		{"password.parallelism=0", "password.parallelism"},
		{"password.parallelism=17", "password.parallelism"},
		{"password.memory_budget=19455KiB", "password.memory_budget"},
		{"password.memory=64MiB password.memory_budget=63MiB", "password.memory_budget"},
		{"throttle.address_per_hour=20", ""},
		{"throttle.address_per_hour=10000", ""},
		{"throttle.address_per_hour=19", "throttle.address_per_hour"},
		{"throttle.address_per_hour=10001", "throttle.address_per_hour"},
		{"password.min_length=8", ""},
		{"password.min_length=64", ""},
		{"password.min_length=7", "password.min_length"},
		{"password.min_length=65", "password.min_length"},

		{"log.format=text log.level=debug", ""},
		{"log.format=xml", "log.format"},
		{"http.address=unix:http.sock", ""},
		{"gateway.address=unix:/run/signet/gateway.sock", ""},
		{"ops.address=unix:" + strings.Repeat("a", 107), ""},
		{"ops.address=unix:" + strings.Repeat("a", 108), "ops.address"},
		{"http.address=unix:", "http.address"},
		{"http.address=unix:@abstract", "http.address"},
		{"http.address=unix:a grpc.address=unix:a", "grpc.address"},

		{"log.level=INFO", "log.level"},

		{"shutdown.drain=0s", ""},
		{"shutdown.drain=25s", "shutdown.drain"},
		{"shutdown.drain=-1s", "shutdown.drain"},
		{"shutdown.timeout=11m", "shutdown.timeout"},
		{"shutdown.timeout=999ms shutdown.drain=0s", "shutdown.timeout"},
	} {
		s := sources()
		s.Flags = map[string]string{}
		for _, pair := range strings.Split(c.set, " ") {
			if key, value, ok := strings.Cut(pair, "="); ok {
				s.Flags[key] = value
			} else if pair != "" {
				s.Flags["issuer"] += " " + pair
			}
		}
		_, err := Load(s)
		if c.fault == "" {
			if err != nil {
				t.Errorf("%s: unexpected error: %v", c.set, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: Load returned no error", c.set)
			continue
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !strings.HasPrefix(line, c.fault+" ") || !strings.Contains(line, "; want ") {
				t.Errorf("%s: unexpected line: %s", c.set, line)
			}
		}
	}
}

// Validate also accepts a Config that Load did not make.
func TestValidate_WithoutLoad(t *testing.T) {
	err := Config{}.Validate()
	if err == nil {
		t.Fatal("Validate returned no error for the empty configuration")
	}
	for _, key := range []string{
		"issuer", "data_dir", "http.address", "store.url", "kek.file", "keys.max_age", "password.memory", "log.format",
	} {
		if !strings.Contains("\n"+err.Error(), "\n"+key+" ") {
			t.Errorf("the error does not name %s:\n%v", key, err)
		}
	}
	c := load(t, sources())
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
