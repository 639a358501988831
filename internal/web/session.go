package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// A sessionHandler serves an endpoint for pages. It gives each request an id
// and a time limit, finds the client by the origin of the page, and writes the
// response of its operation: JSON, or a redirect for an HTML form.
type sessionHandler struct {
	registry  *client.Registry
	proxies   oauth.Proxies
	operation func(context.Context, *sessionRequest) (sessionResponse, error)
	// forms is true if the endpoint accepts HTML forms.
	forms bool
}

// A sessionRequest is a request of a page.
type sessionRequest struct {
	page           browser.Page
	params         *params
	idempotencyKey string
	// cookie is the login cookie of the browser.
	cookie loginCookie
}

// A sessionResponse is a response to a page.
type sessionResponse struct {
	// body is encoded as JSON. It is nil for a response without a body.
	body    any
	cookies []*http.Cookie
}

func (h sessionHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), deadline)
	defer cancel()
	id, address := identify(w, r, h.proxies)
	registered := allowOrigin(w.Header(), r, h.registry)

	switch r.Method {
	case http.MethodPost:
		h.serve(ctx, w, r, client.Caller{RequestID: id, Address: address})
	case http.MethodOptions:
		if !registered {
			writeSessionError(ctx, w, oauth.Wrap(oauth.AccessDenied, notRegistered, errOrigins))
			return
		}
		allowPreflight(w.Header())
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "OPTIONS, POST")
		writeJSON(w, http.StatusMethodNotAllowed, errorResponse{oauth.InvalidRequest, "The method must be POST."})
	}
}

// serve answers a POST request.
func (h sessionHandler) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, caller client.Caller) {
	var err error
	if caller.Client, err = h.pageClient(ctx, r); err != nil {
		writeSessionError(ctx, w, err)
		return
	}
	caller.Origin = r.Header.Get("Origin")
	record(w, func(res *response) { res.clientID = caller.Client.ID })

	form, err := h.isForm(r, caller.Client)
	if err != nil {
		writeSessionError(ctx, w, err)
		return
	}
	q := &sessionRequest{
		page:   browser.Page{Caller: caller, Device: readDevice(r, caller.Origin)},
		cookie: readLoginCookie(r, caller.Client, caller.Origin),
	}
	response, err := h.respond(ctx, w, r, q, form)
	for _, c := range response.cookies {
		http.SetCookie(w, c)
	}
	switch {
	case form:
		redirect(ctx, w, q, err)
	case err != nil:
		writeSessionError(ctx, w, err)
	case response.body == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, http.StatusOK, response.body)
	}
}

// respond reads the body and runs the operation.
func (h sessionHandler) respond(
	ctx context.Context, w http.ResponseWriter, r *http.Request, q *sessionRequest, form bool,
) (_ sessionResponse, err error) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return sessionResponse{}, malformed("Parameters belong in the body, not in the URL.")
	}
	if q.idempotencyKey, err = parseIdempotencyKey(r.Header.Values("Idempotency-Key")); err != nil {
		return sessionResponse{}, err
	}
	if q.params, err = readParams(w, r, form); err != nil {
		return sessionResponse{}, err
	}
	return h.operation(ctx, q)
}

// pageClient returns the client whose page sends the request. In every other
// case the error is access_denied, unless the server cannot decide.
//
// No page can change the headers Origin and Sec-Fetch-Site of a request. So a
// page of another site can neither log a user in, as somebody else, nor out.
func (h sessionHandler) pageClient(ctx context.Context, r *http.Request) (client.Client, error) {
	origins, site := r.Header.Values("Origin"), r.Header.Values("Sec-Fetch-Site")
	if len(origins) != 1 {
		return client.Client{}, oauth.Wrap(oauth.AccessDenied, notRegistered, errOrigins)
	}
	if len(site) > 1 || len(site) == 1 && !slices.Contains(allowedSites, site[0]) {
		return client.Client{}, oauth.Wrap(oauth.AccessDenied, "The page is of another site.", errCrossSite)
	}
	c, err := h.registry.ByOrigin(ctx, origins[0])
	if e := oauth.AsError(err); err != nil && e.Code == oauth.InvalidClient {
		denied := *e
		denied.Code, denied.Sentence = oauth.AccessDenied, notRegistered
		return c, &denied
	}
	return c, err
}

// isForm reports whether the body is an HTML form, and not JSON. A browser
// sends a form, or text that looks like JSON, from any page without asking the
// server first. So forms are accepted from the application's own origin only,
// and only if the page needs no script to use the response.
func (h sessionHandler) isForm(r *http.Request, c client.Client) (bool, error) {
	if isMedia(r, mediaJSON) {
		return false, nil
	}
	if !isMedia(r, mediaForm) || !h.forms || !c.UsesCookies() || !sameOrigin(r) {
		return false, oauth.Wrap(oauth.AccessDenied, "The body must be application/json.", errMedia)
	}
	return true, nil
}

// redirect answers a form: with a redirect to the path that it names, or to the
// login page if there is an error.
func redirect(ctx context.Context, w http.ResponseWriter, q *sessionRequest, err error) {
	target := browser.ReturnTo(q.params.returnTo())
	if err != nil {
		e := errorOf(ctx, err)
		record(w, func(res *response) { res.err = e })
		query := url.Values{"error": {string(e.Code)}}
		if target != "/" {
			query.Set("return_to", target)
		}
		target = q.page.Caller.Client.LoginPath() + "?" + query.Encode()
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}

// writeSessionError writes an error response for a page. A refused login is
// 401. There is no WWW-Authenticate header, for which a browser would ask the
// user for a password.
func writeSessionError(ctx context.Context, w http.ResponseWriter, err error) {
	e := errorOf(ctx, err)
	status := statusOf(e.Code)
	if errors.Is(e, oauth.InvalidGrant) {
		status = http.StatusUnauthorized
	}
	writeErrorStatus(w, status, e)
}
