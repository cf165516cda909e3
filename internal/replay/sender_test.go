package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
	"github.com/epilogue-go/epilogue/internal/spill/lines"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// setup is a sender and the receiver that it sends to.
type setup struct {
	*otlpreceiver.Receiver
	*Sender
	t *testing.T
}

// newSetup makes the receiver answer the first requests with faults.
func newSetup(t *testing.T, retryFor time.Duration, faults ...otlpreceiver.Fault) *setup {
	t.Helper()
	receiver := otlpreceiver.New(otlpreceiver.Config{})
	if err := receiver.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	receiver.FailNext(faults...)
	s := &setup{receiver, newSender(t, receiver.Endpoint(), retryFor), t}
	t.Cleanup(func() { _ = receiver.Close() })
	return s
}

func newSender(t *testing.T, endpoint string, retryFor time.Duration) *Sender {
	t.Helper()
	settings := Settings{RetryFor: retryFor, Destinations: make(map[otelenv.Signal]Destination)}
	for _, signal := range Signals {
		u, err := url.Parse(endpoint + path(signal))
		if err != nil {
			t.Fatal(err)
		}
		settings.Destinations[signal] = Destination{
			Client:   otlphttp.ClientConfig{UserAgent: "epilogue-replay/1"},
			Endpoint: otlphttp.EndpointConfig{URL: u, Headers: map[string]string{"x-tenant": "17"}, Timeout: 5 * time.Second},
		}
	}
	s := NewSender(settings)
	for _, one := range s.streams {
		one.pause = time.Millisecond
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// send sends n spans whose names have size bytes. The same numbers are the same spans.
func (s *setup) send(n, size int) error {
	s.t.Helper()
	if err := s.Add(s.t.Context(), many(n, size)); err != nil {
		s.t.Fatal(err)
	}
	return s.Flush(s.t.Context())
}

func (s *setup) want(want Counts) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.Counts(otelenv.Traces)); diff != "" {
		s.t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// sizes are the spans of each request.
func (s *setup) sizes() (sizes []int) {
	for _, r := range s.Requests() {
		sizes = append(sizes, r.Spans)
	}
	return sizes
}

// many returns n spans with different IDs and names of size bytes.
func many(n, size int) lines.Document {
	scope := new(tracepb.ScopeSpans)
	for i := range n {
		id := binary.BigEndian.AppendUint64(nil, uint64(i)+1)
		scope.Spans = append(scope.Spans, &tracepb.Span{TraceId: slices.Concat(id, id), SpanId: id, Name: strings.Repeat("x", size)})
	}
	return lines.Document{Traces: &tracepb.TracesData{
		ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{scope}}},
	}}
}

func TestSenderSendsEachSpanOnce(t *testing.T) {
	s := newSetup(t, 0)
	for _, n := range []int{1, 2} {
		if err := s.Add(t.Context(), many(n, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.want(Counts{Found: 3, Duplicates: 1, Sent: 2})
	requests := s.Requests()
	if len(requests) != 1 || len(s.Spans()) != 2 {
		t.Fatalf("%d spans in %d requests, want two in one", len(s.Spans()), len(requests))
	}
	h := requests[0].Header
	if requests[0].ContentType != "application/x-protobuf" || h.Get("X-Tenant") != "17" || !strings.HasPrefix(h.Get("User-Agent"), "epilogue-replay/1") {
		t.Errorf("headers: %v", h)
	}
}

func TestSenderBoundsRequests(t *testing.T) {
	s := newSetup(t, 0)
	if err := s.send(5100, 10); err != nil {
		t.Fatal(err)
	}
	if sizes := s.sizes(); slices.Max(sizes) > signalLimits[otelenv.Traces].items || len(sizes) < 3 {
		t.Errorf("requests of %v spans", sizes)
	}
	large := newSetup(t, 0)
	if err := large.send(100, 100<<10); err != nil {
		t.Fatal(err)
	}
	for _, r := range large.Requests() {
		if r.Size > signalLimits[otelenv.Traces].bytes {
			t.Errorf("a request of %d bytes", r.Size)
		}
	}
	large.want(Counts{Found: 100, Sent: 100})
}

func TestSenderRetries(t *testing.T) {
	for name, faults := range map[string][]otlpreceiver.Fault{
		"503, then 429": {{Status: http.StatusServiceUnavailable}, {Status: http.StatusTooManyRequests}},
		"gateway":       {{Status: http.StatusBadGateway}, {Status: http.StatusGatewayTimeout}},
		"cut":           {{Cut: otlpreceiver.BeforeRead}},
	} {
		s := newSetup(t, time.Minute, faults...)
		if err := s.send(1, 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s.want(Counts{Found: 1, Sent: 1})
	}
	s := newSetup(t, time.Minute, otlpreceiver.Fault{Status: http.StatusTooManyRequests, RetryAfter: "1"})
	began := time.Now()
	if err := s.send(1, 1); err != nil || time.Since(began) < time.Second {
		t.Errorf("Retry-After: %v after %v", err, time.Since(began))
	}
}

func TestSenderGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		fault    otlpreceiver.Fault
		requests int
		want     string
	}{
		"down":    {otlpreceiver.Fault{Status: http.StatusServiceUnavailable, RetryAfter: "100"}, 1, ": 503 Service Unavailable"},
		"refused": {otlpreceiver.Fault{Status: http.StatusBadRequest, Message: "bad span"}, 3, ": 400 Bad Request: bad span"},
		"redirect": {
			otlpreceiver.Fault{Status: http.StatusFound, Location: "/elsewhere"},
			3,
			": redirect (302 Found) to {URL}/elsewhere not followed; set the endpoint (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, if not in code) to the final address",
		},
	} {
		s := newSetup(t, time.Second)
		s.SetFault(c.fault)
		err := s.send(3*signalLimits[otelenv.Traces].items, 1)
		want := "send to " + s.Target(otelenv.Traces) + strings.ReplaceAll(c.want, "{URL}", s.Endpoint())
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		s.want(Counts{Found: 3 * signalLimits[otelenv.Traces].items, Failed: 3 * signalLimits[otelenv.Traces].items})
		if n := len(s.Requests()); n != c.requests {
			t.Errorf("%s: %d requests, want %d", name, n, c.requests)
		}
	}
}

// A web page is no answer of an OTLP receiver, whatever its status.
func TestSenderIsAnsweredByAWebPage(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>"))
	}))
	defer server.Close()
	s := newSender(t, server.URL, 0)
	if err := s.Add(t.Context(), many(1, 1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "the answer is a web page; does the endpoint lead to an OTLP receiver?") {
		t.Errorf("error %v", err)
	}
	if got := s.Counts(otelenv.Traces); got != (Counts{Found: 1, Failed: 1}) {
		t.Errorf("counts %+v", got)
	}
}

func TestSenderHalvesRequestsThatAreTooLarge(t *testing.T) {
	refuse := otlpreceiver.Fault{Status: http.StatusRequestEntityTooLarge}
	s := newSetup(t, 0, refuse, refuse, refuse)
	if err := s.send(4, 1); err == nil || !strings.Contains(err.Error(), "413") { // 4, 2, 1 are refused; then 1 and 2 are taken
		t.Errorf("error %v", err)
	}
	s.want(Counts{Found: 4, Sent: 3, Failed: 1})
	if sizes := s.sizes(); !slices.Equal(sizes, []int{4, 2, 1, 1, 2}) {
		t.Errorf("requests of %v spans", sizes)
	}
}

func TestSenderPartialSuccess(t *testing.T) {
	s := newSetup(t, 0, otlpreceiver.Fault{Rejected: 1, Message: "too old"})
	if err := s.send(3, 1); err == nil || err.Error() != "rejected by the endpoint: too old" {
		t.Errorf("error %v", err)
	}
	s.want(Counts{Found: 3, Sent: 2, Rejected: 1})
}

func TestSenderInterrupted(t *testing.T) {
	s := newSetup(t, time.Minute, otlpreceiver.Fault{Status: http.StatusServiceUnavailable, RetryAfter: "50"})
	errStop := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(errStop) })
	if err := s.Add(ctx, many(1, 1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); !errors.Is(err, errStop) {
		t.Errorf("Flush: %v", err)
	}
	s.want(Counts{Found: 1, Failed: 1})
}

// Each signal goes to its own path, and a copy of an item is not sent.
func TestSenderSendsEachSignal(t *testing.T) {
	s := newSetup(t, 0)
	text := `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"a"}]}]}]}
{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"schemaUrl":"r","scopeLogs":[{"scope":{"name":"s"},` +
		`"schemaUrl":"l","logRecords":[{"timeUnixNano":"1","body":{"stringValue":"one"}},{"timeUnixNano":"2","body":{"stringValue":"one"}}]}]}]}
{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeMetrics":[{"scope":{"name":"s"},"metrics":[` +
		`{"name":"n","unit":"1","sum":{"dataPoints":[{"timeUnixNano":"1","asInt":"3"},{"timeUnixNano":"1","asInt":"3",` +
		`"attributes":[{"key":"k","value":{"boolValue":true}}]}],"aggregationTemporality":1,"isMonotonic":true}},` +
		`{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"1","asDouble":0.5}]}},` +
		`{"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1","count":"2","sum":3,"bucketCounts":["2"]}]}},` +
		`{"name":"e","exponentialHistogram":{"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":"1","count":"1","zeroCount":"1"}]}},` +
		`{"name":"s","summary":{"dataPoints":[{"timeUnixNano":"1","count":"1","sum":2}]}}]}]}]}
`
	for range 2 {
		if _, err := lines.Read(strings.NewReader(text), func(d lines.Document) error { return s.Add(t.Context(), d) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for signal, want := range map[otelenv.Signal]int{otelenv.Traces: 1, otelenv.Metrics: 6, otelenv.Logs: 2} {
		if got := s.Counts(signal); got != (Counts{Found: 2 * want, Duplicates: want, Sent: want}) {
			t.Errorf("%s: %+v", signal, got)
		}
	}
	var got []string
	for _, p := range s.DataPoints() {
		got = append(got, fmt.Sprint(p.Service(), " ", p.Scope, " ", p.Name, " ", p.Kind, " ", p.Temporality, " ", p.Value, p.Count, len(p.Attributes)))
	}
	for _, l := range s.LogRecords() {
		got = append(got, fmt.Sprint(l.Service(), " ", l.Scope, " ", l.Body))
	}
	want := []string{
		"shop s n sum delta 3 0 0", "shop s n sum delta 3 0 1", "shop s g gauge  0.5 0 0", "shop s h histogram cumulative <nil> 2 0",
		"shop s e exponential histogram delta <nil> 1 0", "shop s s summary  <nil> 1 0", "shop s one", "shop s one",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arrived (-want +got):\n%s", diff)
	}
	if n := len(s.Requests()); n != 3 {
		t.Errorf("%d requests, want one for each signal", n)
	}
}
