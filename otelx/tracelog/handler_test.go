package tracelog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/otelx/tracelog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	traceID = "5759e988bd862e3fe1be46a994272793"
	spanID  = "53995c3f42cd8ad8"
)

// spanContext returns a context that holds a span.
func spanContext(ctx context.Context, flags trace.TraceFlags) context.Context {
	tid, _ := trace.TraceIDFromHex(traceID)
	sid, _ := trace.SpanIDFromHex(spanID)
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: tid, SpanID: sid, TraceFlags: flags}))
}

// withoutTime leaves the time out, and shows what a handler sees of groups.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// logger writes JSON to w.
func logger(w io.Writer) *slog.Logger {
	return slog.New(tracelog.NewHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: withoutTime})))
}

func TestIDs(t *testing.T) {
	sampled, unsampled := spanContext(t.Context(), trace.FlagsSampled), spanContext(t.Context(), 0)
	const ids = `,"trace_id":"` + traceID + `","span_id":"` + spanID + `","trace_flags":"01"}`
	tests := []struct {
		name string
		ctx  context.Context
		log  func(context.Context, *slog.Logger)
		want string
	}{
		{"sampled", sampled, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m", "a", 1) }, `{"level":"INFO","msg":"m","a":1` + ids},
		{
			"not sampled", unsampled, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m") },
			`{"level":"INFO","msg":"m"` + strings.Replace(ids, "01", "00", 1),
		},
		{"no span", t.Context(), func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m", "a", 1) }, `{"level":"INFO","msg":"m","a":1}`},
		{"no context", sampled, func(_ context.Context, l *slog.Logger) { l.Info("m") }, `{"level":"INFO","msg":"m"}`},
		{"attributes", sampled, func(ctx context.Context, l *slog.Logger) { l.With("a", 1).InfoContext(ctx, "m") }, `{"level":"INFO","msg":"m","a":1` + ids},
		{
			"a group", sampled, func(ctx context.Context, l *slog.Logger) { l.With("a", 1).WithGroup("g").InfoContext(ctx, "m", "b", 2) },
			`{"level":"INFO","msg":"m","a":1,"g":{"b":2}` + ids,
		},
		{
			"groups and attributes in turn", sampled, func(ctx context.Context, l *slog.Logger) {
				l.WithGroup("g").With("a", 1).WithGroup("h").With("b", 2).With("c", 3).InfoContext(ctx, "m", "d", 4)
			},
			`{"level":"INFO","msg":"m","g":{"a":1,"h":{"b":2,"c":3,"d":4}}` + ids,
		},
		{"an empty group", sampled, func(ctx context.Context, l *slog.Logger) { l.WithGroup("g").WithGroup("h").InfoContext(ctx, "m") }, `{"level":"INFO","msg":"m"` + ids},
		{"a group, no span", t.Context(), func(ctx context.Context, l *slog.Logger) { l.WithGroup("g").InfoContext(ctx, "m", "a", 1) }, `{"level":"INFO","msg":"m","g":{"a":1}}`},
		{"a group of the record", sampled, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "m", slog.Group("g", "a", 1)) }, `{"level":"INFO","msg":"m","g":{"a":1}` + ids},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		tt.log(tt.ctx, logger(&out))
		if diff := cmp.Diff(tt.want+"\n", out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestBranches: loggers derived from one another do not share attributes.
func TestBranches(t *testing.T) {
	var out bytes.Buffer
	base := logger(&out).WithGroup("g").With("a", 1)
	one, two := base.With("b", 1).WithGroup("h"), base.With("c", 2).WithGroup("i")
	one.Info("m", "d", 3)
	two.Info("m", "d", 3)
	want := `{"level":"INFO","msg":"m","g":{"a":1,"b":1,"h":{"d":3}}}` + "\n" + `{"level":"INFO","msg":"m","g":{"a":1,"c":2,"i":{"d":3}}}` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// twice gives each record to two handlers.
type twice struct {
	slog.Handler
	other slog.Handler
}

func (d twice) Handle(ctx context.Context, r slog.Record) error {
	if err := d.Handler.Handle(ctx, r); err != nil {
		return err
	}
	return d.other.Handle(ctx, r)
}

// TestRecordOfOthers: a record that another handler has too is not written to.
func TestRecordOfOthers(t *testing.T) {
	var ours, theirs bytes.Buffer
	l := slog.New(twice{
		tracelog.NewHandler(slog.NewTextHandler(&ours, nil)),
		tracelog.NewHandler(slog.NewTextHandler(&theirs, nil)),
	})
	var attrs []slog.Attr
	for i := range 44 { // so many that the slice of the record has room for three more
		attrs = append(attrs, slog.Int(fmt.Sprintf("a%d", i), i))
	}
	l.LogAttrs(spanContext(t.Context(), 1), slog.LevelInfo, "m", attrs...)
	for _, line := range []string{ours.String(), theirs.String()} {
		if strings.Count(line, tracelog.TraceIDKey) != 1 || strings.Contains(line, "BUG") {
			t.Errorf("line %q, want the ids once", line)
		}
	}
}

// TestTwice: a handler around itself adds the ids once.
func TestTwice(t *testing.T) {
	var out bytes.Buffer
	slog.New(tracelog.NewHandler(tracelog.NewHandler(slog.NewTextHandler(&out, nil)))).InfoContext(spanContext(t.Context(), 1), "m")
	if n := strings.Count(out.String(), tracelog.TraceIDKey+"="+traceID); n != 1 {
		t.Errorf("%d trace ids in %q, want 1", n, out.String())
	}
}

// TestSlogtest: it behaves as slog wants handlers to, with and without a span.
func TestSlogtest(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return tracelog.NewHandler(slog.NewJSONHandler(&out, nil))
	}, func(t *testing.T) map[string]any {
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		return line
	})
}

// TestDisabledCostsNothing: a line of a level that is off allocates nothing, in a span and in a group.
func TestDisabledCostsNothing(t *testing.T) {
	ctx := spanContext(t.Context(), trace.FlagsSampled)
	l := logger(io.Discard)
	for name, l := range map[string]*slog.Logger{"plain": l, "in a group": l.WithGroup("g").With("a", 1)} {
		if n := testing.AllocsPerRun(100, func() {
			l.DebugContext(ctx, "m")
			l.LogAttrs(ctx, slog.LevelDebug, "m", slog.Int("a", 1))
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

// TestAtOnce: goroutines may log by one handler.
func TestAtOnce(t *testing.T) {
	var out bytes.Buffer
	l := logger(&out).WithGroup("g").With("a", 1)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() { l.With("b", i).InfoContext(spanContext(t.Context(), 1), "m", "c", i) })
	}
	all.Wait()
	for line := range strings.Lines(out.String()) {
		var got struct {
			G       struct{ A, B, C int }
			TraceID string `json:"trace_id"`
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil || got.G.A != 1 || got.G.B != got.G.C || got.TraceID != traceID {
			t.Errorf("line %q: %v", line, err)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 16 {
		t.Errorf("%d lines, want 16", n)
	}
}

func ExampleNewHandler() {
	var out bytes.Buffer
	logger := slog.New(tracelog.NewHandler(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: withoutTime})))

	ctx := spanContext(context.Background(), trace.FlagsSampled) // as Tracer.Start returns it
	logger.WithGroup("order").InfoContext(ctx, "saved", "id", "17", "cents", 450)

	fmt.Print(out.String())
	// Output: {"level":"INFO","msg":"saved","order":{"id":"17","cents":450},"trace_id":"5759e988bd862e3fe1be46a994272793","span_id":"53995c3f42cd8ad8","trace_flags":"01"}
}

func BenchmarkHandler(b *testing.B) {
	ctx := spanContext(context.Background(), trace.FlagsSampled)
	l := logger(io.Discard)
	for name, l := range map[string]*slog.Logger{"plain": l, "group": l.WithGroup("g").With("a", 1)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.InfoContext(ctx, "order saved", "order", "17")
			}
		})
	}
}
