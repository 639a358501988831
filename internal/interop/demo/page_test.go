package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/signetd/signet/internal/interop/chromium"
)

// A page is a tab with a page of the example.
type page struct {
	*chromium.Tab
	t        *testing.T
	pictured string // the directory of its screenshots

	mu       sync.Mutex
	problems []string // what the console has
}

// open opens a URL in a new tab. The test fails if the console of the tab gets
// an exception, an error or a violation of the Content-Security-Policy.
// Responses with an error status are not counted: the tests cause them.
func (d *demo) open(t *testing.T, b *chromium.Browser, url string) *page {
	t.Helper()
	p := &page{Tab: b.Open(t, "about:blank"), t: t, pictured: d.t.ArtifactDir()}
	p.Listen(func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			p.problem("%s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
		case *runtime.EventConsoleAPICalled:
			p.problem("console.%s", e.Type)
		case *log.EventEntryAdded:
			if e.Entry.Source != log.SourceNetwork {
				p.problem("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
			}
		}
	})
	t.Cleanup(func() {
		if t.Failed() {
			p.pictures("failed-"+t.Name()[strings.LastIndex(t.Name(), "/")+1:], looks[0])
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.problems) > 0 {
			t.Errorf("the console has:\n%s", strings.Join(p.problems, "\n"))
		}
	})
	p.Run(t, log.Enable(), chromedp.Navigate(url))
	return p
}

func (p *page) problem(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// click clicks on an element when it is visible.
func (p *page) click(selector string) {
	p.t.Helper()
	p.Run(p.t, chromedp.Click(selector, chromedp.ByQuery))
}

// see waits until an element with that id is visible and its text contains
// part.
func (p *page) see(id, part string) {
	p.t.Helper()
	path := fmt.Sprintf("//*[@id='%s'][contains(normalize-space(.), '%s')]", id, part)
	p.Run(p.t, chromedp.WaitVisible(path, chromedp.BySearch))
}

// fill replaces the value of a field.
func (p *page) fill(selector, value string) {
	p.t.Helper()
	p.Run(p.t, chromedp.SetValue(selector, value, chromedp.ByQuery))
}

// A look is how a user has set up the browser.
type look struct {
	name          string
	width, height int64
	dark, phone   bool
}

var looks = []look{
	{name: "light", width: 1200, height: 800},
	{name: "dark", width: 1200, height: 800, dark: true},
	{name: "phone", width: 390, height: 844, phone: true},
}

// pictures takes screenshots of the page. `go test -artifacts` keeps them.
func (p *page) pictures(name string, looks ...look) {
	p.t.Helper()
	for _, l := range looks {
		scheme := "light"
		if l.dark {
			scheme = "dark"
		}
		var picture []byte
		var overflow bool
		p.Run(p.t,
			emulation.SetDeviceMetricsOverride(l.width, l.height, 1, l.phone),
			emulation.SetEmulatedMedia().WithFeatures(
				[]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
			chromedp.Evaluate("document.documentElement.scrollWidth > innerWidth", &overflow),
			chromedp.FullScreenshot(&picture, 100))
		if overflow {
			p.t.Errorf("%s, %s: the page is wider than the screen", name, l.name)
		}
		file := filepath.Join(p.pictured, name+"-"+l.name+".png")
		if err := os.WriteFile(file, picture, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	p.Run(p.t, emulation.ClearDeviceMetricsOverride(), emulation.SetEmulatedMedia())
}
