package otlpreceiver_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

func TestKeepsSpans(t *testing.T) {
	s := newSetup(t, otlpreceiver.Config{})
	if got := s.post(t.Context(), body(t, 1, 2), "api-key", "s3cret", "x-tenant", "17"); got.status != 200 || len(got.body) != 0 {
		t.Fatalf("answer %+v, want an empty 200", got)
	}
	spans, err := s.WaitSpans(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	want := otlpreceiver.Span{
		TraceID: strings.Repeat("ab", 16), SpanID: "0101010101010101", Name: "span", Kind: "server", Status: "unset",
		Attributes: map[string]any{}, Resource: map[string]any{"service.name": "orders"}, Scope: "lib", ScopeVersion: "1",
		Arrived: spans[0].Arrived, Request: 1,
	}
	if diff := cmp.Diff(want, spans[0]); diff != "" {
		t.Errorf("span (-want +got):\n%s", diff)
	}
	if spans[0].Arrived.IsZero() || spans[0].Service() != "orders" {
		t.Errorf("arrived %v from service %q", spans[0].Arrived, spans[0].Service())
	}
	req := s.Requests()[0]
	if req.Header.Get("Api-Key") != "(6 bytes)" || req.Header.Get("X-Tenant") != "17" {
		t.Errorf("headers %v", req.Header)
	}
	req.Header, req.Begun, req.Ended = nil, time.Time{}, time.Time{}
	wantReq := otlpreceiver.Request{
		Number: 1, Connection: "conn-1", Path: "/v1/traces", Signal: otlpreceiver.Traces, ContentType: protobufType, Size: len(body(t, 1, 2)),
		Status: 200, Items: 2, Spans: 2, Kept: 2, Outcome: "kept",
	}
	if diff := cmp.Diff(wantReq, req); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	events := s.log.Events()
	if got := s.kinds(); !slices.Equal(got, []eventlog.Kind{
		otlpreceiver.KindConnectionOpened, otlpreceiver.KindExportBegun, otlpreceiver.KindExportDone,
	}) || events[2].Count != 2 || events[2].Who != "conn-1" {
		t.Errorf("log:\n%s", s.log)
	}
}

const everyField = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01010101010101010101010101010101","spanId":"0202020202020202",
	"parentSpanId":"0303030303030303","traceState":"a=1","flags":769,"name":"n","kind":5,
	"startTimeUnixNano":"1000000001","endTimeUnixNano":"2000000000",
	"attributes":[{"key":"bool","value":{"boolValue":true}},{"key":"int","value":{"intValue":"-1"}},{"key":"bytes","value":{"bytesValue":"CQ=="}},
		{"key":"list","value":{"arrayValue":{"values":[{"boolValue":true},{}]}}},
		{"key":"object","value":{"kvlistValue":{"values":[{"key":"k","value":{"doubleValue":1.5}}]}}}],
	"events":[{"name":"e","timeUnixNano":"1500000000","attributes":[{"key":"a","value":{"stringValue":"b"}}]}],
	"links":[{"traceId":"04040404040404040404040404040404","spanId":"0505050505050505","traceState":"b=2","flags":257}],
	"status":{"code":2,"message":"m"},"droppedAttributesCount":1,"droppedEventsCount":2,"droppedLinksCount":3}]}]}]}`

func TestMapsEveryField(t *testing.T) {
	s := newSetup(t, otlpreceiver.Config{})
	s.post(t.Context(), []byte(everyField), "Content-Type", "application/json")
	got, err := s.WaitSpans(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := otlpreceiver.Span{
		TraceID: strings.Repeat("01", 16), SpanID: strings.Repeat("02", 8), ParentSpanID: strings.Repeat("03", 8),
		TraceState: "a=1", Flags: 0x301, Name: "n", Kind: "consumer", Start: time.Unix(1, 1).UTC(), End: time.Unix(2, 0).UTC(),
		Status: "error", StatusMessage: "m",
		Attributes: map[string]any{
			"bool": true, "int": int64(-1), "bytes": []byte{9}, "list": []any{true, nil}, "object": map[string]any{"k": 1.5},
		},
		Events:            []otlpreceiver.Event{{Name: "e", Time: time.Unix(1, 5e8).UTC(), Attributes: map[string]any{"a": "b"}}},
		Links:             []otlpreceiver.Link{{TraceID: strings.Repeat("04", 16), SpanID: strings.Repeat("05", 8), TraceState: "b=2", Flags: 0x101, Attributes: map[string]any{}}},
		DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3, Resource: map[string]any{},
		Arrived: got[0].Arrived, Request: 1,
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("span (-want +got):\n%s", diff)
	}
}

const jsonRequest = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"js"}}]},"scopeSpans":[{"spans":[
	{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","name":"I'm a span","kind":2,
	"startTimeUnixNano":"1544712660000000000","attributes":[{"key":"n","value":{"intValue":"7"}}],"someFieldOfTheFuture":1}]}]}]}`

func TestTakesJSON(t *testing.T) {
	s := newSetup(t, otlpreceiver.Config{})
	s.SetFault(otlpreceiver.Fault{Message: "careful"})
	got := s.post(t.Context(), []byte(jsonRequest), "Content-Type", "application/json; charset=utf-8")
	if got.status != 200 || string(got.body) != `{"partialSuccess":{"errorMessage":"careful","rejectedSpans":"0"}}` || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("answer %+v", got)
	}
	span := s.Spans()[0]
	if span.TraceID != "5b8efff798038103d269b633813fc60c" || span.SpanID != "eee19b7ec3c1b174" || span.ParentSpanID != "eee19b7ec3c1b173" ||
		span.Kind != "server" || span.Attributes["n"] != int64(7) {
		t.Errorf("span %+v", span)
	}
	short := strings.Replace(jsonRequest, "eee19b7ec3c1b174", "eee1", 1)
	if got := s.post(t.Context(), []byte(short), "Content-Type", "application/json"); got.status != 400 || !strings.Contains(string(got.body), "want 8") {
		t.Errorf("short id: answer %+v", got)
	}
}

func TestRefusesWhatIsNotOTLP(t *testing.T) {
	good := body(t, 1)
	tests := map[string]struct {
		method, path string
		data         []byte
		headers      []string
		status       int
	}{
		"gzip":                    {data: zipped(good), headers: []string{"Content-Encoding", "gzip"}, status: 200},
		"identity":                {data: good, headers: []string{"Content-Encoding", "identity"}, status: 200},
		"empty":                   {status: 200},
		"another prefix":          {path: "/otlp/v1/traces", data: good, status: 200},
		"other path":              {path: "/v1/profiles", data: good, status: 404},
		"GET":                     {method: http.MethodGet, status: 405},
		"other type":              {data: good, headers: []string{"Content-Type", "text/plain"}, status: 415},
		"malformed type":          {data: good, headers: []string{"Content-Type", ";"}, status: 415},
		"other encoding":          {data: good, headers: []string{"Content-Encoding", "br"}, status: 415},
		"no gzip":                 {data: good, headers: []string{"Content-Encoding", "gzip"}, status: 400},
		"gzip cut off":            {data: zipped(good)[:20], headers: []string{"Content-Encoding", "gzip"}, status: 400},
		"no protobuf":             {data: []byte("hello"), status: 400},
		"no JSON":                 {data: []byte("hello"), headers: []string{"Content-Type", "application/json"}, status: 400},
		"too large":               {data: make([]byte, 2000), status: 413},
		"too large, decompressed": {data: zipped(make([]byte, 2000)), headers: []string{"Content-Encoding", "gzip"}, status: 413},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t, otlpreceiver.Config{MaxBody: 1000})
			method, path := test.method, test.path
			if method == "" {
				method = http.MethodPost
			}
			if path == "" {
				path = "/v1/traces"
			}
			got := s.do(t.Context(), method, path, test.data, test.headers...)
			if got.status != test.status {
				t.Errorf("status %d (error %v), want %d: %s", got.status, got.err, test.status, got.body)
			}
			last := s.log.Events()[2].Kind
			if (last == otlpreceiver.KindExportDone) != (test.status == 200) {
				t.Errorf("ends with %s", last)
			}
		})
	}
}

// A request under way is in the next Drain.
func TestDrainedRequestsAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, otlpreceiver.Config{})
		s.post(t.Context(), body(t, 1, 2))
		s.FailNext(otlpreceiver.Fault{Hang: true})
		var wait sync.WaitGroup
		wait.Go(func() { s.post(t.Context(), body(t, 3)) })
		synctest.Wait()
		s.post(t.Context(), body(t, 1))
		if n := s.Duplicates(); n != 1 {
			t.Errorf("%d duplicates, want 1", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		waited, err := s.WaitSpans(ctx, 4)
		if len(waited) != 3 || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "wait for 4 spans, have 3") {
			t.Errorf("WaitSpans: %d spans and %v", len(waited), err)
		}
		spans, requests := s.Drain()
		if len(spans) != 3 || !slices.Equal(numbers(requests), []int{1, 3}) {
			t.Errorf("took %d spans of requests %v; want 3 of 1 and 3", len(spans), numbers(requests))
		}
		if got := numbers(s.Requests()); len(s.Spans()) != 0 || s.Duplicates() != 0 || !slices.Equal(got, []int{2}) {
			t.Errorf("left: %d spans, %d duplicates, requests %v; want request 2", len(s.Spans()), s.Duplicates(), got)
		}
		s.Unblock()
		wait.Wait()
		s.post(t.Context(), body(t, 3))
		spans, requests = s.Drain()
		if len(spans) != 2 || spans[1].Request != 4 || !slices.Equal(numbers(requests), []int{2, 4}) {
			t.Errorf("took %d spans of requests %v; want 2 of 2 and 4", len(spans), numbers(requests))
		}
	})
}

func numbers(requests []otlpreceiver.Request) []int {
	var out []int
	for _, r := range requests {
		out = append(out, r.Number)
	}
	return out
}

func TestListensOnTCP(t *testing.T) {
	recv := otlpreceiver.New(otlpreceiver.Config{})
	if recv.Endpoint() != "" {
		t.Errorf("endpoint %q before Listen", recv.Endpoint())
	}
	if err := recv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s := &setup{Receiver: recv, tb: t, client: &http.Client{Transport: &http.Transport{}}}
	defer s.client.CloseIdleConnections()
	if got := s.post(t.Context(), body(t, 1)); got.status != 200 {
		t.Errorf("answer %+v", got)
	}
	if n := recv.CutConnections(); n != 1 {
		t.Errorf("cut %d connections, want 1", n)
	}
	for range 2 {
		if err := recv.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(recv.Spans()) != 1 {
		t.Error("spans are gone after Close")
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := recv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve after Close: %v", err)
	}
	if err := recv.Listen("127.0.0.1:none"); err == nil {
		t.Error("Listen on a malformed address succeeds")
	}
}

func TestIsAHandlerOfOtherServers(t *testing.T) {
	recv := otlpreceiver.New(otlpreceiver.Config{})
	defer func() { _ = recv.Close() }()
	recv.FailNext(otlpreceiver.Fault{}, otlpreceiver.Fault{Cut: otlpreceiver.AfterStore})
	for i, want := range []bool{true, false} {
		w := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/traces", bytes.NewReader(body(t, byte(i))))
		req.Header.Set("Content-Type", protobufType)
		func() {
			defer func() {
				if (recover() == nil) != want {
					t.Errorf("request %d: answered %t, want %t", i, !want, want)
				}
			}()
			recv.ServeHTTP(w, req)
		}()
	}
	if got := recv.Requests()[0]; got.Connection != "192.0.2.1:1234" || len(recv.Spans()) != 2 {
		t.Errorf("request %+v, %d spans", got, len(recv.Spans()))
	}
}
