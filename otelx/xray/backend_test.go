package xray

import (
	"maps"
	"testing"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/awstest"
)

// backend is X-Ray's OTLP endpoint at one host.
type backend struct {
	*awstest.Endpoint

	env map[string]string // that leads there
	net lambdatest.Network
}

// serve starts a backend at host, which is one of region's.
func serve(t *testing.T, host, region string) *backend {
	t.Helper()
	b := &backend{env: awstest.Env()}
	b.Endpoint = awstest.Serve(t, &b.net, host, "xray", region)
	maps.Copy(b.env, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "https://" + host, "OTEL_EXPORTER_OTLP_CERTIFICATE": b.Certificate,
	})
	return b
}

// sdk returns an SDK that sends to b.
func (b *backend) sdk(t *testing.T, opts ...otelx.Option) *otelx.SDK {
	t.Helper()
	return mustSDK(t, b.env, append(opts, otelx.WithDialer(b.net.DialContext))...)
}

// wantSigned checks that exactly so many requests came, all of them signed, and the number of accepted spans.
func (b *backend) wantSigned(t *testing.T, requests, spans int) {
	t.Helper()
	b.WantSigned(t, requests)
	if n := len(b.Spans()); n != spans {
		t.Errorf("%d spans, want %d", n, spans)
	}
}
