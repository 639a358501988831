package main

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash"
	"os"

	"golang.org/x/crypto/argon2"
)

// The clients and users of the export. The password of userNN is realmPassword,
// but only the users of hashedUsers have a hash of it; the hashes of the others
// are random, because hashing is expensive.
const (
	realmUsers    = 100
	realmPassword = "correct horse"
	realmSecret   = "Zq3vH8mWk1xYt6RbN9cLfJ2sPd7gUe4A"
)

// An object is a JSON object.
type object = map[string]any

// writeRealm writes a realm with 100 users and 3 clients, as `kc.sh export` of
// Keycloak 26.7 writes it, without what no command of the page reads. Its
// signing key is key.
func writeRealm(path string, key *rsa.PrivateKey) error {
	users := []object{
		{
			"id": "a0e4", "username": "service-account-shop", "enabled": true, "serviceAccountClientId": "shop",
			"credentials": []any{}, "realmRoles": []any{"default-roles-acme"}, "groups": []any{},
		},
	}
	for n := range realmUsers {
		u, err := realmUser(n)
		if err != nil {
			return err
		}
		users = append(users, u)
	}
	second, err := realmPEM()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(object{
		"id": "c6c15e9a-4440-40b6-844a-5e6ba3c3ae2c", "realm": "acme", "enabled": true, "users": users,
		"clients": realmClients(), "keycloakVersion": "26.7.3",
		"components": object{"org.keycloak.keys.KeyProvider": []object{
			{"name": "hmac-generated-hs512", "providerId": "hmac-generated", "config": object{
				"kid": []string{"a85c4aef"}, "secret": []string{"xpT_Vv5T"}, "algorithm": []string{"HS512"},
			}},
			{"name": "rsa-enc-generated", "providerId": "rsa-enc-generated", "config": object{
				"privateKey": []string{"bm90IHVzZWQ="}, "keyUse": []string{"ENC"}, "algorithm": []string{"RSA-OAEP"},
			}},
			{"name": "leaked", "providerId": "rsa-generated", "config": object{
				"privateKey": []string{"bGVha2Vk"}, "enabled": []string{"false"}, "keyUse": []string{"SIG"},
			}},
			{"name": "rsa", "providerId": "rsa", "config": object{"privateKey": []string{string(second)}}},
			{"name": "rsa-generated", "providerId": "rsa-generated", "config": object{
				"privateKey": []string{base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key))},
				"keyUse":     []string{"SIG"}, "priority": []string{"100"},
			}},
		}},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// realmPEM returns another key, in PEM, as an administrator has imported it.
func realmPEM() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// realmKID returns the kid that Keycloak gives to a key.
func realmKID(key *rsa.PrivateKey) (string, error) {
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	sum := sha256.Sum256(public)
	return base64.RawURLEncoding.EncodeToString(sum[:]), err
}

// realmClients returns three clients, and some of those that each realm has.
func realmClients() []object {
	var clients []object
	for _, id := range []string{"account", "account-console", "admin-cli", "security-admin-console"} {
		clients = append(clients, object{
			"clientId": id, "name": "${client_" + id + "}", "enabled": true, "publicClient": true, "bearerOnly": false,
			"protocol": "openid-connect", "redirectUris": []any{}, "webOrigins": []any{},
		})
	}
	for _, id := range []string{"broker", "realm-management"} {
		clients = append(clients, object{
			"clientId": id, "name": "${client_" + id + "}", "enabled": true, "publicClient": false, "bearerOnly": true,
			"protocol": "openid-connect", "redirectUris": []any{}, "webOrigins": []any{},
		})
	}
	return append(clients,
		object{
			"clientId": "shop", "name": "The shop", "enabled": true, "publicClient": false, "bearerOnly": false,
			"clientAuthenticatorType": "client-secret", "secret": realmSecret, "protocol": "openid-connect",
			"serviceAccountsEnabled": true, "redirectUris": []string{"https://shop.example/*"},
			"webOrigins": []string{"https://shop.example"},
		},
		object{
			"clientId": "https://billing.example/api", "enabled": false, "publicClient": false, "bearerOnly": false,
			"clientAuthenticatorType": "client-secret", "protocol": "openid-connect", "redirectUris": []any{},
			"secret":     "V2aBFeGh2dk6Eq1zn5OfhD3Ggde5woGsI0uI09HwQ5qgdKkevFm64aA1doJYA8mzkJfYGf95bcVGYe0F81oT6r",
			"webOrigins": []any{},
		},
		object{
			"clientId": "spa", "enabled": true, "publicClient": true, "bearerOnly": false,
			"protocol": "openid-connect", "redirectUris": []string{"https://spa.example/*"}, "webOrigins": []string{"+"},
		},
	)
}

// realmUser returns a user: 60 with argon2, 20 with pbkdf2-sha512, 10 with
// pbkdf2-sha256, 10 with pbkdf2. Three of them have no password, and every
// tenth is disabled.
func realmUser(n int) (object, error) {
	roles := []string{"default-roles-acme", "offline_access"}
	if n%3 == 0 {
		roles = append(roles, "ops")
	}
	name := fmt.Sprintf("user%02d", n)
	u := object{
		"id": fmt.Sprintf("36ad0c63-0a30-470f-a8fd-%012d", n), "username": name, "email": name + "@acme.example",
		"emailVerified": true, "enabled": n%10 != 9, "firstName": "U", "lastName": "Acme", "totp": false,
		"credentials": []any{}, "requiredActions": []any{}, "realmRoles": roles, "notBefore": 0, "groups": []any{},
	}
	if n%33 == 7 {
		return u, nil
	}
	salt, value, hashed := make([]byte, 16), make([]byte, 32), n%10 == 0
	rand.Read(salt)
	rand.Read(value)
	password, data := []byte(realmPassword), object{"hashIterations": 5, "algorithm": "argon2"}
	var err error
	switch {
	case n < 60:
		data["additionalParameters"] = object{
			"hashLength": []string{"32"}, "memory": []string{"7168"}, "type": []string{"id"},
			"version": []string{"1.3"}, "parallelism": []string{"1"},
		}
		if hashed {
			value = argon2.IDKey(password, salt, 5, 7168, 1, 32)
		}
	case n < 80:
		value, err = realmPBKDF2(data, "pbkdf2-sha512", sha512.New, salt, 210_000, hashed)
	case n < 90:
		value, err = realmPBKDF2(data, "pbkdf2-sha256", sha256.New, salt, 600_000, hashed)
	default:
		value, err = realmPBKDF2(data, "pbkdf2", sha1.New, salt, 1_300_000, hashed)
	}
	if err != nil {
		return nil, err
	}
	secret := object{"value": value, "salt": salt, "additionalParameters": object{}}
	u["credentials"] = []object{
		{"type": "otp", "secretData": `{"value":"x"}`, "credentialData": `{"subType":"totp"}`},
		{"type": "password", "secretData": inText(secret), "credentialData": inText(data)},
	}
	return u, nil
}

// realmPBKDF2 returns a hash of 64 bytes, or random bytes if the hash is not
// needed, and sets its parameters.
func realmPBKDF2(
	data object, algorithm string, h func() hash.Hash, salt []byte, rounds int, hashed bool,
) ([]byte, error) {
	data["algorithm"], data["hashIterations"], data["additionalParameters"] = algorithm, rounds, object{}
	if hashed {
		return pbkdf2.Key(h, realmPassword, salt, rounds, 64)
	}
	value := make([]byte, 64)
	rand.Read(value)
	return value, nil
}

// inText returns a JSON object as text, in which Keycloak has it in a field.
func inText(o object) string {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // the values are constants and bytes
	}
	return string(text)
}
