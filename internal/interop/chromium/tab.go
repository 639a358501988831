package chromium

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// A Tab is a page in a window of its own, so that it is visible.
type Tab struct{ ctx context.Context }

// Open opens a page in a new window, and waits until it is loaded.
func (b *Browser) Open(t testing.TB, url string) *Tab {
	t.Helper()
	var id target.ID
	if err := chromedp.Run(b.tabs, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		browser := cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
		id, err = target.CreateTarget("about:blank").WithNewWindow(true).Do(browser)
		return err
	})); err != nil {
		t.Fatalf("open a window: %v", err)
	}
	ctx, cancel := chromedp.NewContext(b.tabs, chromedp.WithTargetID(id))
	t.Cleanup(cancel)
	tab := &Tab{ctx}
	// chromedp ends the tab together with the context of its first action.
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("open a window: %v", err)
	}
	tab.Run(t, chromedp.Navigate(url))
	return tab
}

// Run runs actions in the tab.
func (tab *Tab) Run(t testing.TB, actions ...chromedp.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatalf("in the tab: %v", err)
	}
}

// Listen calls f with each event of the tab, and never twice at the same time.
func (tab *Tab) Listen(f func(event any)) { chromedp.ListenTarget(tab.ctx, f) }

// Eval evaluates a JavaScript expression in the page, waits for its promise,
// and decodes the result into out, unless out is nil.
func (tab *Tab) Eval(t testing.TB, expression string, out any) {
	t.Helper()
	if err := tab.TryEval(expression, out); err != nil {
		t.Fatalf("evaluate %s: %v", expression, err)
	}
}

// TryEval is Eval for an expression that may fail.
func (tab *Tab) TryEval(expression string, out any) error {
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	await := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	return chromedp.Run(ctx, chromedp.Evaluate(expression, out, await))
}

// Front makes the tab the visible one of its window.
func (tab *Tab) Front(t testing.TB) {
	t.Helper()
	tab.Run(t, page.BringToFront())
}
