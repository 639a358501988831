package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecret_HidesPasswords(t *testing.T) {
	for text, want := range map[Secret]string{
		"":                                       "",
		"sqlite:data/signet.db":                  "sqlite:data/signet.db",
		"postgres://h/d":                         "postgres://h/d",
		"postgres://u@h/d?sslmode=verify-full":   "postgres://u@h/d?sslmode=verify-full",
		"postgres://u:hunter2@h/d":               "postgres://u:hidden@h/d",
		"postgresql://u:hunter2@h:1,i:2/d":       "postgresql://u:hidden@h:1,i:2/d",
		"postgres://u:hunter2@h:1,[::1]:2,i/d":   "postgres://u:hidden@h:1,[::1]:2,i/d",
		"postgres://u:p@hunter2@h/d":             "postgres://u:hidden@h/d",
		"postgres://u:@h/d":                      "postgres://u:hidden@h/d",
		"postgres://h/d?user=u&password=hunter2": "postgres://h/d?password=hidden&user=u",
		"postgres://h/d?PassWord=hunter2":        "postgres://h/d?PassWord=hidden",
		"postgres://h/d?sslpassword=hunter2":     "postgres://h/d?sslpassword=hidden",
		// The password contains a character that must be percent-encoded, or
		// the text is not a URL.
		"postgres://u:1/hunter2@h/d":        "hidden",
		"postgres://u:1#hunter2@h/d":        "hidden",
		"postgres://u:1?hunter2@h/d":        "hidden",
		"postgres://u:a@hunter2#b@h/d":      "hidden",
		"postgres://u:a@hunter2/b@h/d":      "hidden",
		"postgres://u:%hunter2@h/d":         "hidden",
		"postgres://u:hunter2/d":            "hidden",
		"postgres://h,u:hunter2,i/d":        "hidden",
		"postgres://h/d?password=hunter2;x": "hidden",
		"postgres:u:hunter2@h/d":            "hidden",
		"host=h user=u password=hunter2":    "hidden",
		"mysql://u:hunter2@h/d":             "hidden",
		"hunter2":                           "hidden",
	} {
		if got := text.String(); got != want {
			t.Errorf("%q is printed as %q, want %q", string(text), got, want)
		}
		var log bytes.Buffer
		c := Config{Store: Store{URL: text}}
		for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
			slog.New(h).Info("x", "url", text, "config", c, "pointer", &c)
		}
		fmt.Fprintf(&log, "%v %+v %#v %s %q %x\n", c, c, c, text, text, text)
		if err := json.NewEncoder(&log).Encode(c); err != nil {
			t.Fatal(err)
		}
		shown, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		log.Write(shown)
		fmt.Fprintln(&log, c.Validate())
		env := []string{"SIGNET_STORE_URL=" + string(text), "SIGNET_LOG_LEVEL=wrong"}
		_, err = Load(Sources{Env: env, ReadFile: files(nil)})
		fmt.Fprintln(&log, err)
		if s := log.String(); strings.Contains(s, "hunter2") || strings.Contains(s, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("the password of %q is in %s", string(text), s)
		}
	}
}
