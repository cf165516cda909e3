package otlpreceiver_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// FuzzServeHTTP sends any body. Each gets an answer, and items are kept only with a 200.
func FuzzServeHTTP(f *testing.F) {
	f.Add(body(f, 1, 2), byte(0), false, false)
	f.Add(zipped(body(f, 1)), byte(0), false, true)
	f.Add([]byte(jsonRequest), byte(0), true, false)
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz","events":[{}],"links":[{}]}]}]}]}`), byte(0), true, false)
	f.Add(metricsBody(f, 2), byte(1), false, false)
	f.Add([]byte(everyPoint), byte(1), true, false)
	f.Add([]byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"summary":{"dataPoints":[{}]}},{"sum":{}},{}]}]}]}`), byte(1), true, false)
	f.Add(logsBody(f, 2), byte(2), false, false)
	f.Add([]byte(everyRecordField), byte(2), true, false)
	f.Fuzz(func(t *testing.T, data []byte, signal byte, json, zip bool) {
		path := [...]string{"/v1/traces", "/v1/metrics", "/v1/logs"}[signal%3]
		recv := otlpreceiver.New(otlpreceiver.Config{MaxBody: 1 << 16})
		defer func() { _ = recv.Close() }()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(data))
		req.Header.Set("Content-Type", map[bool]string{false: protobufType, true: "application/json"}[json])
		if zip {
			req.Header.Set("Content-Encoding", "gzip")
		}
		w := httptest.NewRecorder()
		recv.ServeHTTP(w, req)
		resp := w.Result()
		defer func() { _ = resp.Body.Close() }()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		kept := len(recv.Spans()) + len(recv.DataPoints()) + len(recv.LogRecords())
		switch resp.StatusCode {
		case http.StatusOK:
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			if kept > 0 {
				t.Errorf("%d items kept with status %d", kept, resp.StatusCode)
			}
		default:
			t.Errorf("status %d", resp.StatusCode)
		}
		for _, id := range ids(recv) {
			if len(id) != 0 && len(id) != 16 && len(id) != 32 {
				t.Errorf("id %q", id)
			}
		}
	})
}

// ids are the ids of all received items.
func ids(recv *otlpreceiver.Receiver) (all []string) {
	for _, s := range recv.Spans() {
		all = append(all, s.TraceID, s.SpanID, s.ParentSpanID)
	}
	for _, p := range recv.DataPoints() {
		for _, e := range p.Exemplars {
			all = append(all, e.TraceID, e.SpanID)
		}
	}
	for _, r := range recv.LogRecords() {
		all = append(all, r.TraceID, r.SpanID)
	}
	return all
}
