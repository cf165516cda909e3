package xray

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/otelx"
)

// newSDK returns an SDK that is shut down, and not the global one any more, when the test ends. Environment variables are
// those of env alone.
func newSDK(t *testing.T, env map[string]string, opts ...otelx.Option) (*otelx.SDK, error) {
	t.Helper()
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	s, err := otelx.New(t.Context(), append(opts, otelx.WithGetenv(func(key string) string { return env[key] }))...)
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagator)
	s.SetBackgroundExport(false)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		cancel()
		_ = s.Shutdown(ctx) // what a test leaves is none of it
	})
	return s, err
}

// mustSDK is newSDK if the settings are right.
func mustSDK(t *testing.T, env map[string]string, opts ...otelx.Option) *otelx.SDK {
	t.Helper()
	s, err := newSDK(t, env, opts...)
	if err != nil {
		t.Error(err)
	}
	return s
}

// end ends n spans with an attribute of so many bytes.
func end(s *otelx.SDK, name string, n, bytes int) {
	value := strings.Repeat("x", bytes)
	for range n {
		_, span := s.TracerProvider().Tracer("test").Start(context.Background(), name,
			trace.WithAttributes(attribute.String("a", value)))
		span.End()
	}
}

// wantAccount checks all counts, and that they add up.
func wantAccount(t *testing.T, s *otelx.SDK, want otelx.Stats) {
	t.Helper()
	got := s.Stats()
	got.Breaker = want.Breaker
	if got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
	if got.Ended != got.Exported+got.Pending+got.Dropped.Total() {
		t.Errorf("the account does not add up: %+v", got)
	}
}
