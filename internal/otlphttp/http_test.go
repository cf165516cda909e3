package otlphttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/redact"
	"github.com/epilogue-go/epilogue/internal/version"
)

func TestSendRequest(t *testing.T) {
	var got *http.Request
	keep := func(_ http.ResponseWriter, r *http.Request) { got = r }
	for product, want := range map[string]string{"": "epilogue/" + version.Version, "a/1": "a/1"} {
		newBackend(t, config{UserAgent: product}, keep).mustSend("")
		if agent := got.UserAgent(); agent != want+" OTel-OTLP-Exporter-Go/"+version.Version {
			t.Errorf("product %q: User-Agent %q", product, agent)
		}
	}
	b := newBackend(t, config{
		Endpoint: parse(t, "http://user:secret@collector.test:4318/v1/traces?tenant=7"),
		Headers:  map[string]string{"api-key": "k", "content-type": "text/plain", "Content-Encoding": "br", "host": "other.test", "user-agent": "b/1"},
	}, keep)
	b.mustSend("spans")
	user, password, _ := got.BasicAuth()
	if got.Method != http.MethodPost || got.RequestURI != "/v1/traces?tenant=7" || got.Proto != "HTTP/1.1" ||
		got.Host != "other.test" || user != "user" || password != "secret" || got.ContentLength != 5 {
		t.Errorf("request %+v", got)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/x-protobuf", "Content-Encoding": "", "Api-Key": "k", "User-Agent": "b/1", "Accept-Encoding": "",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if string(b.received[0]) != "spans" {
		t.Errorf("received %q", b.received[0])
	}
}

func TestGzip(t *testing.T) {
	b := newBackend(t, config{Gzip: true}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Encoding") != "gzip" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	bodies := []string{strings.Repeat("spans ", 10_000), "", "more"}
	for i, body := range bodies {
		b.mustSend(body)
		zip, err := gzip.NewReader(bytes.NewReader(b.received[i]))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(zip); err != nil || string(plain) != body {
			t.Errorf("request %d decompresses to %d bytes, %v", i, len(plain), err)
		}
	}
}

func TestSign(t *testing.T) {
	failure := errors.New("no credentials")
	var wire []byte
	b := newBackend(t, config{Gzip: true, Sign: func(_ context.Context, r *http.Request, body []byte) error {
		if failure != nil {
			return failure
		}
		wire = bytes.Clone(body)
		r.Header.Set("Authorization", "signed")
		return nil
	}}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "signed" {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	res, err := b.sender.Send(t.Context(), []byte("spans"))
	if !errors.Is(err, failure) || res.Outcome != delivery.Retryable || len(b.connections()) != 0 {
		t.Errorf("failed signing: %+v, %v", res, err)
	}
	failure = nil
	b.mustSend("spans")
	if !bytes.Equal(wire, b.received[0]) {
		t.Error("signed other bytes than those on the wire")
	}
}

func TestAnswers(t *testing.T) {
	const pb, js, html = contentType, "application/json", "text/html; charset=utf-8"
	const prefix = "send to http://collector.test:4318/v1/traces: "
	tests := map[string]struct {
		handle http.HandlerFunc
		want   delivery.Result
		err    string // "" accepted
	}{
		"200":             {handle: respond(200, pb, nil)},
		"202":             {handle: respond(202, pb, nil)},
		"partial success": {handle: respond(200, pb, partialSuccess(3, "too\nold")), want: delivery.Result{Rejected: 3, Message: "too old"}},
		"warning":         {handle: respond(200, pb, partialSuccess(0, "soon gone")), want: delivery.Result{Message: "soon gone"}},
		"JSON answer":     {handle: respond(200, js, []byte("{}"))},
		"partial success in JSON": {
			handle: respond(200, js+"; charset=utf-8", []byte(`{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}`)),
			want:   delivery.Result{Rejected: 3, Message: "too old"},
		},
		"partial success in JSON as text": {handle: respond(200, "text/plain", []byte(`{"partialSuccess":{"rejectedSpans":"3"}}`)), want: delivery.Result{Rejected: 3}},
		"partial success as octets":       {handle: respond(200, "application/octet-stream", partialSuccess(3, "too old")), want: delivery.Result{Rejected: 3, Message: "too old"}},
		"malformed JSON":                  {handle: respond(200, js, []byte("{")), want: delivery.Result{Message: "accepted, but the answer is malformed: no valid JSON of a response"}},
		"partial success as a page":       {handle: respond(200, html, []byte(`{"partialSuccess":{"rejectedSpans":3}}`)), want: delivery.Result{Rejected: 3}},
		"no page":                         {handle: respond(200, html, nil), want: delivery.Result{Message: WebPage}},
		"compressed":                      {handle: respond(200, pb, []byte("\x1f\x8b\x08"), "Content-Encoding", "gzip"), want: delivery.Result{Message: "accepted, but the answer is compressed, which was not asked for"}},
		"compressed refusal":              {handle: respond(400, pb, []byte("\x1f\x8b\x08"), "Content-Encoding", "gzip"), err: "400 Bad Request: (the answer is compressed, which was not asked for)"},
		"other text":                      {handle: respond(200, "text/plain", []byte("OK"))},
		"malformed answer":                {handle: respond(200, pb, []byte("OK")), want: delivery.Result{Message: "accepted, but the answer is malformed: no valid protobuf message"}},
		"web page":                        {handle: respond(200, html, []byte("<html>")), want: delivery.Result{Message: "the answer is a web page; does the endpoint lead to an OTLP receiver?"}},
		"huge answer":                     {handle: respond(200, pb, make([]byte, 1<<20)), want: delivery.Result{Message: "accepted, but the answer could not be read: longer than 65536 bytes"}},
		"answer cut off":                  {handle: respond(200, pb, []byte("ab"), "Content-Length", "10"), want: delivery.Result{Message: "accepted, but the answer could not be read: unexpected EOF"}},

		"400 with status":     {handle: respond(400, pb, rpcStatus(3, "bad span")), err: "400 Bad Request: bad span"},
		"400 with code only":  {handle: respond(400, pb, rpcStatus(3, "")), err: "400 Bad Request: google.rpc.Status code 3"},
		"400 with text":       {handle: respond(400, "text/plain", []byte("no\tsuch \x1b[31m thing\n")), err: "400 Bad Request: no such ?[31m thing"},
		"400 with bad status": {handle: respond(400, pb, []byte("sorry")), err: "400 Bad Request: sorry"},
		"401 with a secret":   {handle: respond(401, js, []byte(`{"message":"key s3cret unknown"}`)), err: `401 Unauthorized: {"message":"key [redacted] unknown"}`},
		"401 with a secret at the cut": {
			handle: respond(401, "text/plain", []byte(strings.Repeat("x", redact.MaxBytes-4)+"s3cret")),
			err:    "401 Unauthorized: " + strings.Repeat("x", redact.MaxBytes-4) + "[re…",
		},
		"413 with long text": {
			handle: respond(413, "text/plain", bytes.Repeat([]byte("x"), 1<<20)),
			want:   delivery.Result{Outcome: delivery.TooLarge},
			err:    "413 Request Entity Too Large: " + strings.Repeat("x", redact.MaxBytes-1) + "…",
		},
		"500": {handle: respond(500, pb, nil), err: "500 Internal Server Error"},
		"599": {handle: respond(599, pb, nil), err: "599"},

		"429":            {handle: respond(429, pb, nil, "Retry-After", "2"), want: delivery.Result{Outcome: delivery.Retryable, RetryAfter: 2 * time.Second}, err: "429 Too Many Requests"},
		"502":            {handle: respond(502, pb, nil), want: delivery.Result{Outcome: delivery.Retryable}, err: "502 Bad Gateway"},
		"503":            {handle: respond(503, pb, rpcStatus(14, "busy")), want: delivery.Result{Outcome: delivery.Retryable}, err: "503 Service Unavailable: busy"},
		"504":            {handle: respond(504, pb, nil, "Retry-After", "nonsense"), want: delivery.Result{Outcome: delivery.Retryable}, err: "504 Gateway Timeout"},
		"500 with delay": {handle: respond(500, pb, nil, "Retry-After", "2"), err: "500 Internal Server Error"},

		"404 at the usual path": {handle: respond(404, "text/plain", []byte("tenant not found")), err: "404 Not Found: tenant not found"},
		"about gRPC":            {handle: respond(500, "text/plain", []byte("rpc error: code = ResourceExhausted desc = grpc: too large")), err: "500 Internal Server Error: rpc error: code = ResourceExhausted desc = grpc: too large"},
		"401 about a gateway":   {handle: respond(401, "text/plain", []byte("see grpc-gateway docs")), err: "401 Unauthorized: see grpc-gateway docs"},
		"400 without text":      {handle: respond(400, "text/plain", []byte("\x00\x00\xff")), err: "400 Bad Request"},

		"redirect": {
			handle: respond(308, pb, nil, "Location", "http://u:p@other.test/v1?token=x"), want: delivery.Result{Outcome: delivery.RetryNextFlush},
			err: "redirect (308 Permanent Redirect) to http://other.test/v1 not followed; set the endpoint (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, if not in code) to the final address",
		},
		"redirect nowhere": {
			handle: respond(302, pb, nil), want: delivery.Result{Outcome: delivery.RetryNextFlush},
			err: "redirect (302 Found) to nowhere not followed; set the endpoint (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, if not in code) to the final address",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, config{Headers: map[string]string{"api-key": "s3cret"}}, test.handle)
			answer := httptest.NewRecorder()
			test.handle(answer, nil)
			test.want.Answered, test.want.Status = true, answer.Code
			if test.err != "" && test.want.Outcome == delivery.Accepted {
				test.want.Outcome = delivery.Refused
			}
			got, err := b.sender.Send(t.Context(), []byte("spans"))
			if got != test.want {
				t.Errorf("result %+v, want %+v", got, test.want)
			}
			if text := errorText(err); text != "" && text != prefix+test.err || (text == "") != (test.err == "") {
				t.Errorf("error %q, want %q", text, test.err)
			}
			if len(b.received) != 1 {
				t.Errorf("%d requests, want 1", len(b.received))
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A response that was read to its end leaves its connection for the next request, whatever its status.
func TestConnectionsAreKept(t *testing.T) {
	status := http.StatusOK
	b := newBackend(t, config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(partialSuccess(1, "text"))
	})
	for _, status = range []int{200, 400, 503, 308, 200} {
		_, _ = b.sender.Send(t.Context(), []byte("spans"))
	}
	if n := len(b.connections()); n != 1 {
		t.Errorf("%d connections for 5 requests, want 1", n)
	}
}

func TestConcurrentSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, config{Gzip: true}, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
		for range 2 {
			begun := time.Now()
			b.sendAll(maxIdleConns, "spans")
			if took := time.Since(begun); took != time.Second {
				t.Errorf("took %v, want 1s", took)
			}
		}
		if n := len(b.connections()); n != maxIdleConns {
			t.Errorf("%d connections, want %d", n, maxIdleConns)
		}
	})
}

func BenchmarkSend(b *testing.B) {
	for _, zip := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "gzip"}[zip], func(b *testing.B) {
			backend := newBackend(b, config{Gzip: zip}, nil)
			backend.server.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
			body := bytes.Repeat([]byte("a span of about 30 bytes, "), 5000)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := backend.sender.Send(b.Context(), body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// partialSuccess is an Export…ServiceResponse written with protobuf's own functions.
func partialSuccess(rejected int64, message string) []byte {
	var inner []byte
	inner = protowire.AppendTag(inner, 1, protowire.VarintType)
	inner = protowire.AppendVarint(inner, uint64(rejected))
	inner = protowire.AppendTag(inner, 2, protowire.BytesType)
	inner = protowire.AppendString(inner, message)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inner)
}

// rpcStatus is a google.rpc.Status.
func rpcStatus(code int32, message string) []byte {
	out := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(code))
	return protowire.AppendString(protowire.AppendTag(out, 2, protowire.BytesType), message)
}
