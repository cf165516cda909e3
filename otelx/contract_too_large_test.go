package otelx_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// backendWithLimit serves an OTLP receiver that refuses larger bodies with 413.
func (f *fixture) backendWithLimit(bytes int64) {
	f.Helper()
	if err := f.backend.Close(); err != nil {
		f.Fatal(err)
	}
	listener, err := f.network.Listen("collector.test:4318")
	if err != nil {
		f.Fatal(err)
	}
	f.backend = otlpreceiver.New(otlpreceiver.Config{MaxBody: bytes})
	if err := f.backend.Serve(listener); err != nil {
		f.Fatal(err)
	}
}

// endLarge ends spans of so many kilobytes.
func (f *fixture) endLarge(kilobytes ...int) {
	for _, kb := range kilobytes {
		_, s := f.sdk.TracerProvider().Tracer("test").Start(context.Background(), "large",
			trace.WithAttributes(attribute.String("filler", strings.Repeat("x", kb<<10))))
		s.End()
	}
}

// After a 413 the same spans go out in smaller requests, and so do all later ones.
func TestContractRequestTooLargeIsHalved(t *testing.T) {
	contract(t, func(f *fixture) {
		f.backendWithLimit(300 << 10)
		f.endLarge(100, 100, 100, 100, 100, 100, 100, 100)
		f.mustFlush(time.Second, 0)
		f.wantCounts(spanCounts{ended: 8, exported: 8})
		before, _ := f.requests()
		f.endLarge(100, 100, 100, 100)
		f.mustFlush(time.Second, 0)
		for _, r := range f.backend.Requests()[before:] {
			if r.Status != 200 {
				f.Errorf("a request of %d bytes was refused although the limit is known: %s", r.Size, r.Outcome)
			}
		}
	})
}

// Only a span that the backend does not take on its own is dropped.
func TestContractSpanTooLarge(t *testing.T) {
	contract(t, func(f *fixture) {
		f.backendWithLimit(300 << 10)
		f.endLarge(200, 250, 400, 1, 250)
		o := f.flush(time.Second)
		if drop := dropped(o.err); drop == nil || drop.Dropped != (otelx.Dropped{TooLarge: 1}) {
			f.Errorf("ForceFlush: %v", o.err)
		}
		f.wantCounts(spanCounts{ended: 5, exported: 4, dropped: otelx.Dropped{TooLarge: 1}})
	})
}

// A span above WithMaxRequestSize is dropped without a request, and takes no other span along.
func TestContractSpanAboveTheRequestSize(t *testing.T) {
	contract(t, func(f *fixture) {
		f.endLarge(1, 70, 1)
		o := f.flush(time.Second)
		if drop := dropped(o.err); drop == nil || drop.Dropped != (otelx.Dropped{TooLarge: 1}) {
			f.Errorf("ForceFlush: %v", o.err)
		}
		f.wantCounts(spanCounts{ended: 3, exported: 2, dropped: otelx.Dropped{TooLarge: 1}})
		for _, r := range f.backend.Requests() {
			if r.Size > 64<<10 {
				f.Errorf("a request has %d bytes", r.Size)
			}
		}
	}, otelx.WithMaxRequestSize(64<<10))
}

// A backend that refuses every size gets no request for each span.
func TestContractBackendThatTakesNoSize(t *testing.T) {
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Status: 413})
		for range 500 {
			f.endLarge(1)
		}
		o := f.flush(10 * time.Second)
		if drop := dropped(o.err); drop == nil || drop.Dropped.Total() != 500 {
			f.Errorf("ForceFlush: %v", o.err)
		}
		if n, _ := f.requests(); n > 100 {
			f.Errorf("%d requests for 500 spans that no request can carry", n)
		}
	})
}
