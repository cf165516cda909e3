package otelx_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/otelx"
)

// collector is an OTLP/HTTP backend that a test can script.
type collector struct {
	mu       sync.Mutex
	script   []func(http.ResponseWriter) // of the next requests; then 200
	requests []*http.Request
	spans    []string // names of those in requests answered by 200
	hang     chan struct{}
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	data, err := io.ReadAll(body)
	var req tracepb.TracesData // has the wire form of an ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.requests = append(c.requests, r)
	hang := c.hang
	if len(c.script) > 0 {
		answer := c.script[0]
		c.script = c.script[1:]
		c.mu.Unlock()
		answer(w)
		return
	}
	for _, rs := range req.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				c.spans = append(c.spans, s.GetName())
			}
		}
	}
	c.mu.Unlock()
	if hang != nil {
		<-hang
	}
}

func (c *collector) got() (requests int, spans string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.requests), strings.Join(c.spans, " ")
}

func status(code int, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

// cut breaks the connection without an answer.
func cut(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

func TestEndToEndOverTCP(t *testing.T) {
	c := &collector{script: []func(http.ResponseWriter){status(http.StatusServiceUnavailable), cut}}
	srv := httptest.NewServer(c)
	defer srv.Close()
	signed := 0
	s, err := newSDK(t, environ("OTEL_EXPORTER_OTLP_ENDPOINT="+srv.URL+"/base", "OTEL_EXPORTER_OTLP_HEADERS=x-key=s%20cret",
		"OTEL_EXPORTER_OTLP_COMPRESSION=gzip"),
		otelx.WithSigner(func(_ context.Context, req *http.Request, body []byte) error {
			signed++
			req.Header.Set("X-Length", strconv.Itoa(len(body)))
			return nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	span(s, "a")
	span(s, "b")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.ForceFlush(ctx); err != nil {
		t.Errorf("ForceFlush: %v", err)
	}
	if n, spans := c.got(); n != 3 || spans != "a b" {
		t.Errorf("%d requests, spans %q", n, spans)
	}
	if signed != 3 {
		t.Errorf("%d attempts signed, want each of 3", signed)
	}
	r := c.requests[2]
	if r.URL.Path != "/base/v1/traces" || r.Header.Get("X-Key") != "s cret" || r.Header.Get("Content-Type") != "application/x-protobuf" ||
		r.Header.Get("X-Length") != r.Header.Get("Content-Length") && r.Header.Get("X-Length") != strconv.FormatInt(r.ContentLength, 10) {
		t.Errorf("path %s, headers %v, length %d", r.URL.Path, r.Header, r.ContentLength)
	}
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	want := otelx.Stats{Ended: 2, Exported: 2, Breaker: "closed"}
	if got := s.Stats(); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
}

// inBubble runs test in virtual time with an SDK that talks to c over a network in memory.
func inBubble(t *testing.T, c *collector, vars []string, test func(t *testing.T, s *otelx.SDK)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var network lambdatest.Network
		listener, err := network.Listen("collector:4318")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(listener) }()
		s, err := newSDK(t, otelx.WithDialer(network.DialContext), environ(append(vars, "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318")...))
		if err != nil {
			t.Fatal(err)
		}
		test(t, s)
		_ = s.Shutdown(context.Background())
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

func TestEndToEndIntervalFlush(t *testing.T) {
	c := &collector{}
	inBubble(t, c, nil, func(t *testing.T, s *otelx.SDK) {
		span(s, "a")
		time.Sleep(4999 * time.Millisecond)
		synctest.Wait()
		if n, _ := c.got(); n != 0 {
			t.Errorf("%d requests before OTEL_BSP_SCHEDULE_DELAY", n)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n, spans := c.got(); n != 1 || spans != "a" {
			t.Errorf("%d requests, spans %q", n, spans)
		}
	})
}

// 10,000 spans with a function's sizes leave in five requests at once, not in twenty one after the other.
func TestEndToEndManySpansInFewRoundTrips(t *testing.T) {
	c := &collector{}
	inBubble(t, c, []string{"OTEL_BSP_MAX_QUEUE_SIZE=30000", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=2048"}, func(t *testing.T, s *otelx.SDK) {
		for range 10000 {
			span(s, "a")
		}
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Errorf("ForceFlush: %v", err)
		}
		if n, spans := c.got(); n != 5 || len(spans) != 2*10000-1 {
			t.Errorf("%d requests with %d spans, want 5 with 10000", n, (len(spans)+1)/2)
		}
	})
}

func TestEndToEndPartialSuccess(t *testing.T) {
	// ExportTraceServiceResponse{partial_success: {rejected_spans: 1, error_message: "old"}}
	answer := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write([]byte("\x0a\x07\x08\x01\x12\x03old"))
	}
	c := &collector{script: []func(http.ResponseWriter){answer}}
	inBubble(t, c, []string{"OTEL_BSP_SCHEDULE_DELAY=100"}, func(t *testing.T, s *otelx.SDK) {
		reports := otelerr.Collect(t)
		span(s, "a")
		span(s, "b")
		time.Sleep(200 * time.Millisecond) // in the background
		synctest.Wait()
		if reported := reports(); len(reported) != 1 || reported[0] != `the backend rejected 1 of 2 spans: "old"` {
			t.Errorf("reported %q", reported)
		}
		want := otelx.Stats{Ended: 2, Exported: 1, Dropped: otelx.Dropped{Rejected: 1}, Breaker: "closed"}
		if got := s.Stats(); got != want {
			t.Errorf("Stats() = %+v, want %+v", got, want)
		}
		var drop *otelx.DropError
		if err := s.ForceFlush(t.Context()); !errors.As(err, &drop) {
			t.Errorf("ForceFlush: %v", err)
		}
	})
}

func TestEndpointAndHeadersByOption(t *testing.T) {
	c := &collector{}
	srv := httptest.NewServer(c)
	defer srv.Close()
	s, err := newSDK(t, otelx.WithEndpoint(srv.URL+"/as/is"), otelx.WithHeaders(map[string]string{"X-A": "b"}),
		environ("OTEL_EXPORTER_OTLP_ENDPOINT=http://nowhere.invalid", "OTEL_EXPORTER_OTLP_HEADERS=x-a=env"))
	if err != nil {
		t.Fatal(err)
	}
	span(s, "a")
	// Through the provider, as who only has that would do it.
	provider := otel.GetTracerProvider().(*sdktrace.TracerProvider)
	if err := provider.ForceFlush(t.Context()); err != nil {
		t.Errorf("ForceFlush: %v", err)
	}
	if r := c.requests[0]; r.URL.Path != "/as/is" || r.Header.Get("X-A") != "b" {
		t.Errorf("path %s, header %q", r.URL.Path, r.Header.Get("X-A"))
	}
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}
