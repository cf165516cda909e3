package otelx_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
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

// After a 413 the same spans go out in smaller requests, and so do all later ones. A span that the backend does not take on
// its own is reduced until it does.
func TestContractRequestTooLargeIsHalved(t *testing.T) {
	contract(t, func(f *fixture) {
		f.backendWithLimit(300 << 10)
		f.endLarge(100, 100, 100, 400, 100, 100, 100, 100)
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

// classified is contract with a backend that answers 403, and with an error classifier.
func classified(t *testing.T, classify func(status int, message string) (string, bool), test func(f *fixture)) {
	t.Helper()
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Status: 403, Message: "no key"})
		test(f)
	}, config.ForTraces(func(x *config.Export) { x.Classify = classify }))
}

// Each hint is reported once, together with the refusal. The refusal itself is in the error of each flush.
func TestHintsAreReportedOnce(t *testing.T) {
	reports := otelerr.Collect(t)
	hints := []string{"do this", "do this", "", "do that"}
	classify := func(status int, message string) (hint string, retry bool) {
		if status != 403 || !strings.Contains(message, "no key") {
			t.Errorf("classify(%d, %q)", status, message)
		}
		hint, hints = hints[0], hints[1:]
		return hint, false
	}
	classified(t, classify, func(f *fixture) {
		for range 4 {
			f.end("a")
			if o := f.flush(time.Second); dropped(o.err) == nil || !strings.Contains(o.err.Error(), "403") {
				f.Errorf("ForceFlush: %v", o.err)
			}
		}
	})
	got := reports()
	for i, hint := range []string{"do this", "do that"} {
		if len(got) != 2 || !strings.HasPrefix(got[i], "export spans: ") || !strings.Contains(got[i], "403 Forbidden") || !strings.HasSuffix(got[i], "; "+hint) {
			t.Fatalf("reports %q, want one for each hint", got)
		}
	}
}

// A hint with an id in its words would fill the log, and memory, by a line a refusal.
func TestHintsThatAlwaysDifferAreBounded(t *testing.T) {
	reports := otelerr.Collect(t)
	n := 0
	classify := func(int, string) (string, bool) { n++; return fmt.Sprintf("do this about request %d", n), false }
	classified(t, classify, func(f *fixture) {
		for range 100 {
			f.end("a")
			_ = f.flush(time.Second)
		}
	})
	if got := reports(); len(got) != 32 {
		t.Errorf("%d reports, want 32", len(got))
	}
}

// A classifier may find that a refusal is not final. One that panics has no effect.
func TestErrorClassifier(t *testing.T) {
	otelerr.Discard(t)
	classified(t, func(int, string) (string, bool) { return "wait", true }, func(f *fixture) {
		f.end("a")
		if o := f.flush(time.Second); o.err == nil {
			f.Error("ForceFlush: no error")
		}
		f.wantCounts(spanCounts{ended: 1, pending: 1})
		f.works()
		f.mustFlush(time.Second, 0)
	})
	classified(t, func(int, string) (string, bool) { panic("boom") }, func(f *fixture) {
		f.end("a")
		_ = f.flush(time.Second)
		f.wantCounts(spanCounts{ended: 1, dropped: otelx.Dropped{Refused: 1}})
	})
}

func TestLargeResourceIsSentAndReportedOnce(t *testing.T) {
	reports := otelerr.Collect(t)
	contract(t, func(f *fixture) {
		for range 3 {
			f.end("a")
			f.mustFlush(time.Second, 0)
		}
		f.wantCounts(spanCounts{ended: 3, exported: 3})
	}, config.WithLimits(config.Limits{ResourceBytes: 1000}),
		otelx.WithResource(resource.NewSchemaless(attribute.String("a", strings.Repeat("x", 1000)))))
	if got := reports(); len(got) != 1 || !strings.Contains(got[0], "the resource is too large: with an instrumentation scope it has 1") {
		t.Errorf("reports %q", got)
	}
}

// WithMaxRequestSize bounds requests in bytes. Limits of a backend bound them in spans, and spans in bytes.
func TestLimits(t *testing.T) {
	contract(t, func(f *fixture) {
		f.endLarge(1, 1, 1, 1, 1, 1, 19, 19, 21, 1)
		f.mustFlush(time.Second, 0)
		f.wantCounts(spanCounts{ended: 10, exported: 10})
		for _, r := range f.backend.Requests() {
			if r.Size > 40<<10 || r.Spans > 5 {
				f.Errorf("a request has %d bytes and %d spans", r.Size, r.Spans)
			}
		}
		if n, _ := f.requests(); n > 6 {
			f.Errorf("%d requests, want a few", n)
		}
	}, otelx.WithMaxRequestSize(40<<10), config.WithLimits(config.Limits{RequestItems: 5, ItemBytes: 20 << 10}))
}
