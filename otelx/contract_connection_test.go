package otelx_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// Over TCP, with a signer, compression and headers; through the provider, as a program does that has only that.
func TestContractRequestOverTCP(t *testing.T) {
	backend := otlpreceiver.New(otlpreceiver.Config{})
	if err := backend.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = backend.Close() }()
	backend.FailNext(otlpreceiver.Fault{Status: 503}, otlpreceiver.Fault{Cut: otlpreceiver.BeforeStore})
	signed := 0
	s, err := newSDK(t, environ("OTEL_EXPORTER_OTLP_ENDPOINT="+backend.Endpoint()+"/base", "OTEL_EXPORTER_OTLP_HEADERS=x-env=s%20t",
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
	provider, _ := otel.GetTracerProvider().(*sdktrace.TracerProvider)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := errors.Join(provider.ForceFlush(ctx), provider.Shutdown(ctx)); err != nil {
		t.Error(err)
	}
	requests := backend.Requests()
	if len(requests) != 3 || len(backend.Spans()) != 1 || signed != 3 {
		t.Fatalf("requests %q, %d spans, %d attempts signed", outcomes(requests), len(backend.Spans()), signed)
	}
	r := requests[2]
	if r.Path != "/base/v1/traces" || r.Header.Get("X-Env") != "s t" || r.ContentType != "application/x-protobuf" || r.Encoding != "gzip" ||
		r.Header.Get("X-Length") != strconv.Itoa(r.Size) {
		t.Errorf("request %+v", r)
	}
}
