package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record makes a provider and a propagator the global ones, which otelhttp uses, and returns what the provider records.
func record() *tracetest.SpanRecorder {
	recorder := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return recorder
}

func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/prices/tea", 200, `{"sku":"tea","cents":450,"currency":"EUR"}`},
		{"GET", "/prices/glacier-ice", 200, `{"sku":"glacier-ice","cents":99900,"currency":"EUR"}`},
		{"GET", "/prices/moon", 404, `{"error":"sku \"moon\" is not sold here"}`},
		{"GET", "/prices/", 404, "404 page not found"},
		{"POST", "/prices/tea", 405, "Method Not Allowed"},
		{"GET", "/healthz", 204, ""},
	} {
		rec := httptest.NewRecorder()
		newService(0).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil))
		if got := strings.TrimSpace(rec.Body.String()); rec.Code != tt.status || got != tt.body {
			t.Errorf("%s %s: got %d %s; want %d %s", tt.method, tt.path, rec.Code, got, tt.status, tt.body)
		}
	}
}

// The span continues the caller's trace, is named by the route, and has the request's and the response's attributes.
func TestSpan(t *testing.T) {
	recorder := record()
	req := httptest.NewRequestWithContext(t.Context(), "GET", "/prices/tea", nil)
	req.Header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	newService(0).ServeHTTP(httptest.NewRecorder(), req)
	spans := recorder.Ended()
	if len(spans) != 1 {
		t.Fatalf("%d spans; want 1", len(spans))
	}
	span := spans[0]
	if span.Name() != "GET /prices/{sku}" || span.Parent().SpanID().String() != "00f067aa0ba902b7" || span.Status().Code != codes.Unset {
		t.Errorf("name %q, parent %s, status %v", span.Name(), span.Parent().SpanID(), span.Status())
	}
	got := attribute.NewSet(span.Attributes()...)
	for key, want := range map[attribute.Key]attribute.Value{
		"price.sku":                 attribute.StringValue("tea"),
		"price.cents":               attribute.Int64Value(450),
		"http.response.status_code": attribute.Int64Value(200),
	} {
		if v, ok := got.Value(key); !ok || v != want {
			t.Errorf("%s is %v; want %v", key, v.String(), want.String())
		}
	}
}

func TestHealthHasNoSpan(t *testing.T) {
	recorder := record()
	newService(0).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/healthz", nil))
	if n := len(recorder.Ended()); n != 0 {
		t.Errorf("%d spans; want none", n)
	}
}

// The slow price is given up as soon as its caller goes away.
func TestSlowPriceHeedsItsCaller(t *testing.T) {
	recorder := record()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	newService(time.Hour).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/prices/glacier-ice", nil))
	var got []string
	for _, event := range recorder.Ended()[0].Events() {
		got = append(got, event.Name)
	}
	if diff := cmp.Diff([]string{"waiting for the glacier", "caller has gone"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// At the end of its context the server stops accepting, answers the requests in flight, and only then returns.
func TestServeDrains(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	inFlight, release := make(chan struct{}), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(inFlight)
		<-release
		_, _ = io.WriteString(w, "done")
	})
	served := make(chan error, 1)
	go func() { served <- serve(ctx, listener, h) }()

	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	answered := make(chan string, 1)
	go func() {
		answered <- get(t, client, "http://"+listener.Addr().String())
	}()
	<-inFlight
	stop()
	select {
	case err := <-served:
		t.Fatalf("serve returned with a request in flight: %v", err)
	default:
	}
	close(release)
	if err := <-served; err != nil {
		t.Error(err)
	}
	if got := <-answered; got != "done" {
		t.Errorf("the request in flight got %q", got)
	}
}

// get returns the body of the answer, or the error as text.
func get(t *testing.T, client *http.Client, url string) string {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	res, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

func TestBadSettings(t *testing.T) {
	t.Setenv("OTEL_SDK_DISABLED", "true")
	for _, tt := range []struct{ key, value, want string }{
		{"PRICES_SLOW", "soon", `PRICES_SLOW="soon": want a duration that is not negative, such as 1m or 300ms`},
		{"PRICES_ADDR", "127.0.0.1:http:80", `PRICES_ADDR="127.0.0.1:http:80": `},
	} {
		t.Run(tt.key, func(t *testing.T) {
			t.Setenv(tt.key, tt.value)
			if err := run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v; want %s", err, tt.want)
			}
		})
	}
}
