package main

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// httpRequest returns a request as API Gateway sends it.
func httpRequest(method, path, body string) request {
	return request{
		Version: "2.0", RawPath: path, Body: body,
		Headers: map[string]string{"content-type": "application/json"},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			Stage: "$default",
			HTTP:  events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, Path: path},
		},
	}
}

func TestRejections(t *testing.T) {
	create := func(body string) request { return httpRequest("POST", "/orders", body) }
	with := func(req request, change func(*request)) request { change(&req); return req }
	contentType := func(v string) func(*request) {
		return func(r *request) { r.Headers = map[string]string{"Content-Type": v} }
	}
	base64Body := func(s string) func(*request) {
		return func(r *request) { r.Body, r.IsBase64Encoded = s, true }
	}
	stage := func(name string) func(*request) { return func(r *request) { r.RequestContext.Stage = name } }
	valid := `{"sku":"tea","quantity":2}`
	huge := strings.Repeat(" ", maxBody+1)

	for _, tt := range []struct {
		name   string
		req    request
		status int
		says   string
	}{
		{"unknown path", httpRequest("GET", "/", ""), 404, "no such path: /"},
		{"empty event", request{}, 404, "no such path"},
		{"unknown order", httpRequest("GET", "/orders/18", ""), 404, "no order 18"},
		{"faults are off", httpRequest("POST", "/faults/panic", ""), 404, "no such path"},
		{"a stage like the path", with(httpRequest("GET", "/orders/17", ""), stage("orders")), 404, "no such path"},
		{"a stage that only begins the path", with(httpRequest("GET", "/prodorders/18", ""), stage("prod")), 404, "no such path"},
		{"a stage before the path", with(httpRequest("GET", "/prod/orders/18", ""), stage("prod")), 404, "no order 18"},
		{"wrong method for the list", httpRequest("DELETE", "/orders", ""), 405, "the method here is POST"},
		{"wrong method for one", httpRequest("PUT", "/orders/17", ""), 405, "the method here is GET"},
		{"no body", create(""), 400, "the body is empty"},
		{"not JSON", create("sku=tea"), 400, "not an order"},
		{"cut off", create(`{"sku":"tea"`), 400, "not an order"},
		{"null", create("null"), 400, "null"},
		{"an array", create("[]"), 400, "not an order"},
		{"two orders", create(valid + valid), 400, "goes on after the order"},
		{"unknown field", create(`{"sku":"tea","quantity":1,"price":1}`), 400, `unknown field "price"`},
		{"bad base64", with(create(""), base64Body("%%%")), 400, "base64"},
		{"too large", create(huge), 413, "more than 65536 bytes"},
		{"too large in base64", with(create(""), base64Body(base64.StdEncoding.EncodeToString([]byte(huge+"  ")))), 413, "more than"},
		{"form", with(create(valid), contentType("application/x-www-form-urlencoded")), 415, "application/json"},
		{"malformed content type", with(create(valid), contentType("json;;")), 415, "application/json"},
		{"no sku", create(`{"quantity":1}`), 422, "sku is missing"},
		{"sku climbs the path", create(`{"sku":"../healthz","quantity":1}`), 422, "want at most"},
		{"sku too long", create(`{"sku":"` + strings.Repeat("a", maxSKU+1) + `","quantity":1}`), 422, "want at most 64"},
		{"sku not sold", create(`{"sku":"moon","quantity":1}`), 422, "moon is not sold here"},
		{"sku is a number", create(`{"sku":7,"quantity":1}`), 422, "sku is a number; want a string"},
		{"no quantity", create(`{"sku":"tea"}`), 422, "quantity is 0; order 1 to 100"},
		{"negative quantity", create(`{"sku":"tea","quantity":-1}`), 422, "quantity is -1"},
		{"too many", create(`{"sku":"tea","quantity":101}`), 422, "quantity is 101"},
		{"half a cup", create(`{"sku":"cup","quantity":0.5}`), 422, "quantity is a number 0.5; want a whole number"},
		{"quantity in letters", create(`{"sku":"cup","quantity":"two"}`), 422, "quantity is a string; want a whole number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, _ := newTestAPI(t, nil)
			res, err := a.handle(t.Context(), tt.req)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status || !strings.Contains(res.Body, quoted(tt.says)) {
				t.Errorf("got %d %s; want %d and %q", res.StatusCode, res.Body, tt.status, tt.says)
			}
			if res.Headers["content-type"] != "application/json" || !strings.HasPrefix(res.Body, `{"error":"`) {
				t.Errorf("not a JSON error: %v %s", res.Headers, res.Body)
			}
			if (res.Headers["allow"] != "") != (tt.status == http.StatusMethodNotAllowed) {
				t.Errorf("allow is %q under status %d", res.Headers["allow"], res.StatusCode)
			}
		})
	}
}

// quoted renders s as it stands inside a JSON string.
func quoted(s string) string { return strings.ReplaceAll(s, `"`, `\"`) }

func TestUnknownFault(t *testing.T) {
	a, _ := newTestAPI(t, map[string]string{"ORDERS_FAULTS": "on"})
	for _, c := range []struct {
		method, path string
		status       int
	}{{"POST", "/faults/flood", 404}, {"POST", "/faults/", 404}, {"GET", "/faults/panic", 405}} {
		if res, _ := a.handle(t.Context(), httpRequest(c.method, c.path, "")); res.StatusCode != c.status {
			t.Errorf("%s %s: got %d; want %d", c.method, c.path, res.StatusCode, c.status)
		}
	}
}
