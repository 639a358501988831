package openapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

func init() {
	openapi3filter.RegisterBodyDecoder("text/javascript", openapi3filter.FileBodyDecoder)
}

// everywhere are the headers that the document states once, for all responses
// of the HTTP API, and those of HTTP itself.
var everywhere = []string{
	"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy",
	"Strict-Transport-Security", "Content-Type", "Content-Length", "Date",
}

// A call is a request of an operation.
type call struct {
	operation string
	// path are the parameters in the path.
	path   map[string]string
	query  string
	header http.Header
	// form or json is the body.
	form url.Values
	json string
	// invalid is true if the request is not as the document has it.
	invalid bool
}

// A checker compares exchanges with the document.
type checker struct {
	document   *openapi3.T
	routes     map[string]*routers.Route // by operation
	documented facts
	shown      facts
}

func newChecker(t *testing.T) *checker {
	document := load(t)
	c := &checker{document, map[string]*routers.Route{}, factsOf(document), facts{}}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			c.routes[operation.OperationID] = &routers.Route{
				Spec: document, Path: path, PathItem: item, Method: method, Operation: operation,
			}
		}
	}
	// Clients ignore unknown members, but here each of them must be documented.
	no := false
	for _, schema := range document.Components.Schemas {
		if len(schema.Value.Properties) > 0 {
			schema.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
		}
	}
	return c
}

// complete checks that the exchanges have shown all that the document states.
func (c *checker) complete(t *testing.T) {
	t.Helper()
	for _, fact := range slices.Sorted(maps.Keys(c.documented)) {
		if !c.shown[fact] {
			t.Errorf("the document states what no exchange shows: %s", fact)
		}
	}
}

// send sends a request, and checks it and its response. status is the expected
// status, and code the error code of a JSON body.
func (c *checker) send(t *testing.T, s server, q call, status int, code string) (*http.Response, map[string]any) {
	t.Helper()
	route := c.routes[q.operation]
	if route == nil {
		t.Fatalf("the document has no operation %s", q.operation)
	}
	address, header, body := c.encode(route, s, q)
	if !q.invalid {
		if err := c.checkRequest(route, q, address, header, body); err != nil {
			t.Errorf("%s: the request does not match the document: %v", q.operation, err)
		}
	}

	response, content := roundTrip(t, s, route.Method, address, header, body)
	if err := c.checkResponse(route, response, content); err != nil {
		t.Errorf("%s: the response %d does not match the document: %v\n%v\n%.200q",
			q.operation, response.StatusCode, err, response.Header, content)
	}
	var object map[string]any
	_ = json.Unmarshal(content, &object)
	if got, _ := object["error"].(string); response.StatusCode != status || got != code {
		t.Errorf("%s: got %d %.200q, want %d %s", q.operation, response.StatusCode, content, status, code)
	}
	return response, object
}

// encode returns the URL, the header and the body of a request.
func (c *checker) encode(route *routers.Route, s server, q call) (address string, header http.Header, body string) {
	address, header = s.url+route.Path, maps.Clone(q.header)
	for name, value := range q.path {
		address = strings.Replace(address, "{"+name+"}", value, 1)
	}
	if q.query != "" {
		address += "?" + q.query
	}
	if header == nil {
		header = http.Header{}
	}
	switch {
	case q.form != nil:
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		body = q.form.Encode()
	case q.json != "":
		header.Set("Content-Type", "application/json")
		body = q.json
	}
	return address, header, body
}

// checkRequest compares a request with the document.
func (c *checker) checkRequest(route *routers.Route, q call, address string, header http.Header, body string) error {
	request, err := http.NewRequestWithContext(context.Background(), route.Method, address, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = header
	if err := c.checkNames(route.Operation, request, q); err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: request, PathParams: q.path, Route: route, Options: &openapi3filter.Options{
			MultiError: true, RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true,
			AuthenticationFunc: func(_ context.Context, a *openapi3filter.AuthenticationInput) error {
				scheme, _, _ := strings.Cut(request.Header.Get("Authorization"), " ")
				if !strings.EqualFold(scheme, a.SecurityScheme.Scheme) {
					return errors.New("another scheme")
				}
				c.shown[route.Operation.OperationID+" security "+a.SecuritySchemeName] = true
				return nil
			},
		},
	})
}

// checkNames returns an error if the request has a parameter that is not in the
// document.
func (c *checker) checkNames(operation *openapi3.Operation, request *http.Request, q call) error {
	known := map[string]bool{ // OpenAPI 3.0.3 §4.7.12.1 ignores some of them as parameters
		"header Authorization": true, "header Content-Type": true, "header Accept": true, "header Host": true,
		"header Accept-Encoding": true,
	}
	sent := map[string]bool{}
	for name := range request.Header {
		sent["header "+name] = true
	}
	for name := range request.URL.Query() {
		sent["query "+name] = true
	}
	for name := range q.path {
		sent["path "+name] = true
	}
	for _, parameter := range operation.Parameters {
		name := parameter.Value.In + " " + parameter.Value.Name
		if parameter.Value.In == openapi3.ParameterInHeader {
			name = "header " + http.CanonicalHeaderKey(parameter.Value.Name)
		}
		known[name] = true
		if sent[name] {
			c.shown[parameterFact(operation, parameter)] = true
		}
	}

	media := request.Header.Get("Content-Type")
	var content *openapi3.MediaType
	if operation.RequestBody != nil {
		content = operation.RequestBody.Value.Content[media]
	}
	if content != nil {
		c.shown[operation.OperationID+" body "+media] = true
		for name := range content.Schema.Value.Properties {
			known["body "+name] = true
		}
		members := map[string]json.RawMessage{}
		_ = json.Unmarshal([]byte(q.json), &members)
		for name := range q.form {
			members[name] = nil
		}
		for name := range members {
			sent["body "+name] = true
			c.shown[propertyFact(content.Schema, name)] = true
		}
	}
	for name := range sent {
		if !known[name] {
			return errors.New("not in the document: " + name)
		}
	}
	return nil
}

// checkResponse compares a response with the document.
func (c *checker) checkResponse(route *routers.Route, r *http.Response, body []byte) error {
	operation, status := route.Operation, strconv.Itoa(r.StatusCode)
	documented := operation.Responses.Value(status)
	if documented == nil {
		return errors.New("the status is not in the document")
	}
	c.shown[operation.OperationID+" "+status] = true
	if err := c.checkHeader(operation, documented, r); err != nil {
		return err
	}

	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch content := documented.Value.Content.Get(media); {
	case len(body) == 0:
		// An answer to a gateway may lack the body, and so may an empty file.
		if len(documented.Value.Content) > 0 && !slices.Contains(operation.Tags, "gateways") {
			return errors.New("there is no body")
		}
		return nil
	case r.StatusCode == http.StatusPartialContent: // a part of JSON is not JSON
		return nil
	case content == nil:
		return errors.New("the document has no body of this type")
	default:
		c.shown[operation.OperationID+" "+status+" "+media] = true
		c.recordBody(operation, status, content.Schema, body)
	}
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r.Request, Route: route},
		Status:                 r.StatusCode, Header: r.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{MultiError: true, IncludeResponseStatus: true},
	})
}

// checkHeader compares the header of a response with the document. It also
// requires the headers that all responses have.
func (c *checker) checkHeader(operation *openapi3.Operation, documented *openapi3.ResponseRef, r *http.Response) error {
	status := strconv.Itoa(r.StatusCode)
	names := slices.Clone(everywhere)
	for name := range documented.Value.Headers {
		names = append(names, http.CanonicalHeaderKey(name))
	}
	for name := range r.Header {
		if !slices.Contains(names, name) {
			return errors.New("the header is not in the document: " + name)
		}
	}
	for name, header := range documented.Value.Headers {
		values := r.Header.Values(name)
		if len(values) == 0 {
			if header.Value.Required {
				return errors.New("the header is missing: " + name)
			}
			continue
		}
		where := headerFact(operation, status, documented, name)
		c.shown[where] = true
		c.shown.addValue(where, header.Value.Schema, values[0])
	}
	if r.StatusCode == http.StatusOK && slices.Contains(operation.Tags, "gateways") {
		return nil
	}
	for _, name := range everywhere[:4] {
		if r.Header.Get(name) == "" {
			return errors.New("the header is missing: " + name)
		}
	}
	return nil
}

// recordBody records what a JSON body shows.
func (c *checker) recordBody(operation *openapi3.Operation, status string, schema *openapi3.SchemaRef, body []byte) {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return
	}
	c.shown.addValue(operation.OperationID+" "+status, schema, value)
	if object, ok := value.(map[string]any); ok {
		if code, ok := object["error"]; ok {
			c.shown[errorFact(operation, status, code)] = true
		}
	}
}
