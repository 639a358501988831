package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
)

// dev is the part of dev.json that this program uses.
type dev struct {
	Issuer          string `json:"issuer"`
	Gateway         string `json:"gateway"` // URL of the listener for gateways
	BrowserAudience string `json:"browser_audience"`
	Username        string `json:"username"`
	Password        string `json:"password"`
	issuer          *url.URL
}

func readDev(file string) (d dev, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return d, fmt.Errorf("there is no %s: start `go run ./cmd/signet serve --dev` first, in this directory", file)
	}
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err == nil && d.BrowserAudience == "" {
		err = errors.New("it has no clients for the browser: start a newer `signet serve --dev`")
	}
	if err == nil {
		d.issuer, err = url.Parse(d.Issuer)
	}
	if err != nil {
		return d, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}
