package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const (
	callersTrace, callersSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

	webEvent = `{"version":"2.0","routeKey":"$default","rawPath":%q,"rawQueryString":"","headers":{"traceparent":"00-` +
		callersTrace + `-` + callersSpan + `-01"},"requestContext":{"domainName":"example.com","http":{"method":"GET","path":%[1]q}}}`
)

// TestHTTPHandlers has an http.Handler under lambdaurl and aws-lambda-go-api-proxy, with http.ServeMux and chi: the route
// names the span, spans of otelhttp are its children, and a panic arrives although the process ends.
func TestHTTPHandlers(t *testing.T) {
	web := build(t, ".", "./web", nil, raceFlags)
	for _, host := range []string{"lambdaurl", "httpadapter"} {
		for _, router := range []string{"mux", "mux in otelhttp", "chi", "chi with middleware"} {
			t.Run(host+", "+router, func(t *testing.T) {
				t.Parallel()
				serveWeb(t, web, host, router)
			})
		}
	}
}

func serveWeb(t *testing.T, web, host, router string) {
	receiver := otlpreceiver.New(otlpreceiver.Config{})
	if err := receiver.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = receiver.Close() })
	r := start(t, web, receiver.Endpoint(), lambdatest.Config{Timeout: functionTimeout, ShutdownWindow: window},
		"E2E_HOST="+host, "E2E_ROUTER="+router)
	for _, path := range []string{"/orders/17", "/faults/shelf"} {
		res := r.invoke(lambdatest.Invocation{Payload: fmt.Appendf(nil, webEvent, path)})
		failed, panics := res.FunctionError != "", strings.HasPrefix(path, "/faults")
		either := panics && host == "lambdaurl" // it closes the response while the panic ends the process
		if failed != panics && !either {
			t.Errorf("%s: %s %s", path, res.FunctionError, res.Payload)
		}
	}
	want := 2
	if router == "mux in otelhttp" {
		want = 4
	}
	spans, err := receiver.WaitSpans(r.ctx, want)
	_ = r.lambda.Close() // all of the log is written when it returns
	if err != nil || len(spans) != want {
		t.Fatalf("%d spans, %v; want %d\n%s", len(spans), err, want, r.log())
	}
	invocations := map[string]otlpreceiver.Span{}
	for _, s := range spans {
		if s.Kind == "server" && s.ParentSpanID == callersSpan {
			invocations[s.Name] = s
		}
	}
	if s := invocations["GET /orders/{id}"]; s.Status != "unset" || s.Attributes["http.route"] != "/orders/{id}" {
		t.Errorf("the span of a route: %+v, want one among %v", s, spans)
	}
	fault := invocations["GET /faults/{kind}"]
	if fault.Status != "error" || fault.StatusMessage != "the shelf broke at /faults/shelf" || len(fault.Events) != 1 {
		t.Errorf("the span of a panic: %+v, want one among %v", fault, spans)
	}
	for _, s := range spans {
		if strings.Contains(s.Scope, "otelhttp") && s.ParentSpanID == callersSpan {
			t.Errorf("otelhttp's span is a sibling of the invocation's: %+v", s)
		}
	}
}
