package otelx_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// classified is contract with a backend that answers 403, and with an error classifier.
func classified(t *testing.T, classify func(status int, message string) (string, bool), test func(f *fixture)) {
	t.Helper()
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Status: 403, Message: "no key"})
		test(f)
	}, config.WithErrorClassifier(classify))
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

// A hint with an id in its words once filled the log, and memory, by a line a refusal.
func TestHintsThatAlwaysDifferAreBounded(t *testing.T) {
	reports := otelerr.Collect(t)
	n := 0
	classify := func(int, string) (string, bool) { n++; return fmt.Sprintf("do this about request %d", n), false }
	classified(t, classify, func(f *fixture) {
		for range 100 {
			f.end("a")
			_ = f.flush(time.Second)
		}
		f.wantCounts(spanCounts{ended: 100, dropped: otelx.Dropped{Refused: 100}})
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
	}, config.WithSender(new(sender)), config.WithLimits(config.Limits{ResourceBytes: 1000}),
		otelx.WithResource(resource.NewSchemaless(attribute.String("a", strings.Repeat("x", 1000)))))
	if got := reports(); len(got) != 1 || !strings.Contains(got[0], "the resource is too large: with an instrumentation scope it has 1") {
		t.Errorf("reports %q", got)
	}
}
