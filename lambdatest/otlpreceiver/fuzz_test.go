package otlpreceiver_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// FuzzServeHTTP sends any body. Each gets an answer, and spans are kept only with a 200.
func FuzzServeHTTP(f *testing.F) {
	f.Add(body(f, 1, 2), false, false)
	f.Add(zipped(body(f, 1)), false, true)
	f.Add([]byte(jsonRequest), true, false)
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz","events":[{}],"links":[{}]}]}]}]}`), true, false)
	f.Fuzz(func(t *testing.T, data []byte, json, zip bool) {
		recv := otlpreceiver.New(otlpreceiver.Config{MaxBody: 1 << 16})
		defer func() { _ = recv.Close() }()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/traces", bytes.NewReader(data))
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
		kept := recv.Spans()
		switch resp.StatusCode {
		case http.StatusOK:
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			if len(kept) > 0 {
				t.Errorf("%d spans kept with status %d", len(kept), resp.StatusCode)
			}
		default:
			t.Errorf("status %d", resp.StatusCode)
		}
		for _, s := range kept {
			if len(s.TraceID)%32 != 0 || len(s.SpanID)%16 != 0 || len(s.ParentSpanID)%16 != 0 {
				t.Errorf("ids %q %q %q", s.TraceID, s.SpanID, s.ParentSpanID)
			}
		}
	})
}
