package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/internal/otlphttp"
	"github.com/epilogue-go/epilogue/internal/spill/lines"
)

// line is a document with a span of that name.
func line(name string) string {
	return fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"%016x","name":%q}]}]}]}`,
		len(name)+1, name)
}

func collect(names *[]string) func(*tracepb.TracesData) error {
	return func(data *tracepb.TracesData) error {
		for _, r := range data.GetResourceSpans() {
			for _, s := range r.GetScopeSpans() {
				for _, span := range s.GetSpans() {
					*names = append(*names, span.GetName())
				}
			}
		}
		return nil
	}
}

// endpoint is an OTLP endpoint with scripted responses.
type endpoint struct {
	*httptest.Server
	mu       sync.Mutex
	answers  []http.HandlerFunc // of the next requests; then all is accepted
	requests []int              // spans of each
	headers  []http.Header
	got      []string // names of the spans accepted by the default answer
	largest  int
}

func newEndpoint(t *testing.T, answers ...http.HandlerFunc) *endpoint {
	e := &endpoint{answers: answers}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	data := new(tracepb.TracesData)
	if err := proto.Unmarshal(body, data); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var names []string
	_ = collect(&names)(data)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests = append(e.requests, len(names))
	e.headers = append(e.headers, r.Header.Clone())
	e.largest = max(e.largest, len(body))
	if len(e.answers) > 0 {
		answer := e.answers[0]
		e.answers = e.answers[1:]
		answer(w, r)
		return
	}
	e.got = append(e.got, names...)
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

func (e *endpoint) sender(t *testing.T, retryFor time.Duration) *Sender {
	t.Helper()
	u, err := url.Parse(e.URL + "/v1/traces")
	if err != nil {
		t.Fatal(err)
	}
	s := NewSender(Settings{
		Client:   otlphttp.ClientConfig{UserAgent: "epilogue-replay/1"},
		Endpoint: otlphttp.EndpointConfig{URL: u, Headers: map[string]string{"api-key": "secret"}, Timeout: 5 * time.Second},
		RetryFor: retryFor,
	})
	s.pause = time.Millisecond
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// replayed sends the documents in text.
func replayed(t *testing.T, s *Sender, text string) error {
	t.Helper()
	_, err := lines.Read(strings.NewReader(text), func(d *tracepb.TracesData) error { return s.Add(t.Context(), d) })
	if err != nil {
		t.Fatal(err)
	}
	return s.Flush(t.Context())
}

func wantCounts(t *testing.T, s *Sender, want Counts) {
	t.Helper()
	if diff := cmp.Diff(want, s.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestSender(t *testing.T) {
	e := newEndpoint(t)
	s := e.sender(t, 0)
	if err := replayed(t, s, line("a")+"\n"+line("bb")+"\n"+line("a")+"\n"); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, Counts{Found: 3, Duplicates: 1, Sent: 2})
	if !slices.Equal(e.got, []string{"a", "bb"}) || len(e.requests) != 1 {
		t.Errorf("got %q in %d requests, want both spans in one", e.got, len(e.requests))
	}
	h := e.headers[0]
	if h.Get("Content-Type") != "application/x-protobuf" || h.Get("Api-Key") != "secret" || !strings.HasPrefix(h.Get("User-Agent"), "epilogue-replay/") {
		t.Errorf("headers: %v", h)
	}
}

// many returns n spans with different IDs and names of size bytes.
func many(n, size int) *tracepb.TracesData {
	scope := new(tracepb.ScopeSpans)
	for i := range n {
		id := binary.BigEndian.AppendUint64(nil, uint64(i)+1)
		scope.Spans = append(scope.Spans, &tracepb.Span{TraceId: append(id, id...), SpanId: id, Name: strings.Repeat("x", size)})
	}
	return &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{scope}}}}
}

// sent sends data.
func sent(t *testing.T, s *Sender, data ...*tracepb.TracesData) error {
	t.Helper()
	for _, d := range data {
		if err := s.Add(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	return s.Flush(t.Context())
}

func TestSenderBoundsRequests(t *testing.T) {
	e := newEndpoint(t)
	s := e.sender(t, 0)
	if err := sent(t, s, many(5000, 10), many(5100, 10)); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, Counts{Found: 10_100, Duplicates: 5000, Sent: 5100})
	if slices.Max(e.requests) > maxSpans || len(e.requests) < 3 {
		t.Errorf("requests of %v spans", e.requests)
	}
	big := newEndpoint(t)
	s = big.sender(t, 0)
	if err := sent(t, s, many(100, 100<<10)); err != nil {
		t.Fatal(err)
	}
	if big.largest > maxBytes || len(big.got) != 100 {
		t.Errorf("largest request %d bytes, %d spans", big.largest, len(big.got))
	}
}

func TestSenderRetries(t *testing.T) {
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, answers := range map[string][]http.HandlerFunc{
		"503, then 429": {status(http.StatusServiceUnavailable), status(http.StatusTooManyRequests)},
		"gateway":       {status(http.StatusBadGateway), status(http.StatusGatewayTimeout)},
		"cut":           {cut},
	} {
		e := newEndpoint(t, answers...)
		s := e.sender(t, time.Minute)
		if err := replayed(t, s, line("a")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantCounts(t, s, Counts{Found: 1, Sent: 1})
	}
	e := newEndpoint(t, status(http.StatusTooManyRequests, "Retry-After", "1"))
	began := time.Now()
	if err := replayed(t, e.sender(t, time.Minute), line("a")); err != nil || time.Since(began) < time.Second {
		t.Errorf("Retry-After: %v after %v", err, time.Since(began))
	}
}

func TestSenderGivesUp(t *testing.T) {
	for name, tt := range map[string]struct {
		answer   http.HandlerFunc
		requests int
		want     string
	}{
		"down":     {status(http.StatusServiceUnavailable, "Retry-After", "100"), 1, ": 503 Service Unavailable"},
		"refused":  {status(http.StatusBadRequest), 3, ": 400 Bad Request"},
		"redirect": {status(http.StatusFound, "Location", "/elsewhere"), 3, ": redirect (302 Found) to {URL}/elsewhere not followed; set the endpoint (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, if not in code) to the final address"},
		"explained": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "who are you?\nand why", http.StatusUnauthorized)
		}, 3, ": 401 Unauthorized: who are you? and why"},
	} {
		e := newEndpoint(t, tt.answer, tt.answer, tt.answer, tt.answer)
		s := e.sender(t, time.Second)
		err := sent(t, s, many(3*maxSpans, 1))
		if want := "send to " + e.URL + "/v1/traces" + strings.ReplaceAll(tt.want, "{URL}", e.URL); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		wantCounts(t, s, Counts{Found: 3 * maxSpans, Failed: 3 * maxSpans})
		if len(e.requests) != tt.requests {
			t.Errorf("%s: %d requests, want %d", name, len(e.requests), tt.requests)
		}
	}
}

func TestSenderHalvesWhatIsTooLarge(t *testing.T) {
	refuse := status(http.StatusRequestEntityTooLarge)
	e := newEndpoint(t, refuse, refuse, refuse)
	s := e.sender(t, 0)
	err := sent(t, s, many(4, 1)) // 4, 2, 1 are refused; then 1 and 2 are taken
	if err == nil || !strings.Contains(err.Error(), "413") {
		t.Errorf("error %v", err)
	}
	wantCounts(t, s, Counts{Found: 4, Sent: 3, Failed: 1})
	if !slices.Equal(e.requests, []int{4, 2, 1, 1, 2}) {
		t.Errorf("requests of %v spans", e.requests)
	}
}

func TestSenderPartialSuccess(t *testing.T) {
	inner := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
	inner = protowire.AppendString(protowire.AppendTag(inner, 2, protowire.BytesType), "too old")
	answer := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inner)
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(answer)
	})
	s := e.sender(t, 0)
	err := sent(t, s, many(3, 1))
	if err == nil || err.Error() != "rejected by the endpoint: too old" {
		t.Errorf("error %v", err)
	}
	wantCounts(t, s, Counts{Found: 3, Sent: 2, Rejected: 1})
}

func TestSenderInterrupted(t *testing.T) {
	e := newEndpoint(t, status(http.StatusServiceUnavailable, "Retry-After", "50"))
	s := e.sender(t, time.Minute)
	if err := s.Add(t.Context(), many(1, 1)); err != nil {
		t.Fatal(err)
	}
	errStop := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(errStop) })
	if err := s.Flush(ctx); !errors.Is(err, errStop) {
		t.Errorf("Flush: %v", err)
	}
	wantCounts(t, s, Counts{Found: 1, Failed: 1})
}
