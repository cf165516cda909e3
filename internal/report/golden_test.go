package report

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// golden compares text with testdata/name.golden.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s differs (-want +got); go test -update rewrites it:\n%s", path, diff)
	}
	for line := range strings.Lines(text) {
		if n := columns(strings.TrimSuffix(line, "\n")); n > Width {
			t.Errorf("%s: %d columns, at most %d fit: %s", path, n, Width, line)
		}
	}
}

const ms = time.Millisecond

var invocations = []Invocation{
	{
		Number: 1, Kind: "cold", Request: "POST /orders", Answer: "201", Posted: 18234 * time.Microsecond, Handler: 18234 * time.Microsecond,
		FlushBegan: 18400 * time.Microsecond, FlushEnded: 21300 * time.Microsecond, Spans: 6, After: 3266 * time.Microsecond, Frozen: 21500 * time.Microsecond, Billed: 22 * ms,
	},
	{
		Number: 2, Kind: "warm", Request: "GET /orders/17", Answer: "200", Posted: 2 * ms, Handler: 2 * ms, After: 100 * time.Microsecond, Frozen: 2100 * time.Microsecond, Billed: 3 * ms,
		Notes: []string{"no span left after it: the collector was refusing with 503, 2 spans are kept"},
	},
	{
		Number: 3, Kind: "panic", Request: "POST /faults/panic", Answer: "error", Failed: true, Planned: true, Early: true,
		FlushBegan: 2 * ms, FlushEnded: 4 * ms, Spans: 4, Posted: 4500 * time.Microsecond, Handler: 4500 * time.Microsecond, After: 1500 * time.Microsecond, Billed: 6 * ms,
	},
	{
		Number: 12, Kind: "timeout", Request: "POST /faults/timeout", Answer: "–", Failed: true, Planned: true,
		FlushBegan: 1000400 * time.Microsecond, FlushEnded: 1003 * ms, Spans: 3, Billed: time.Second, Handler: time.Second,
	},
	{Number: 13, Kind: "warm", Request: "{}", Answer: "ok", Flush: "by timer", Posted: ms, Handler: ms, Billed: 2 * ms},
	{Number: 14, Kind: "error", Request: "events.json", Answer: "error", Failed: true, Posted: ms, Handler: ms, After: ms, Frozen: 2 * ms, Billed: 2 * ms},
}

func table(st Style) string {
	var b strings.Builder
	b.WriteString(Heading(st))
	b.WriteString(Init{Took: 11800 * time.Microsecond, Extensions: []string{`extension "epilogue" registered for INVOKE`}}.Line(st))
	for i, v := range invocations {
		b.WriteString(v.Line(st))
		if i == 1 {
			b.WriteString(Pause{Took: 2 * time.Second, Words: "meanwhile the collector closed its 1 connection"}.Line(st))
		}
	}
	b.WriteString(Shutdown{
		SIGTERM: true, Left: 2, Last: 3400 * time.Microsecond,
		Exited: 4 * ms, Window: 500 * ms,
	}.Line(st))
	b.WriteString(Shutdown{SIGTERM: true, Window: 500 * ms, Exited: 450 * ms, Left: 1, Last: ms, Kept: 3}.Line(st))
	b.WriteString(Shutdown{SIGTERM: true, Window: 500 * ms, Exited: ms, Unseen: true}.Line(st))
	b.WriteString(Shutdown{Cause: CauseTimeout, SIGTERM: true, Window: 500 * ms, Killed: true}.Line(st))
	b.WriteString(Shutdown{}.Line(st))
	b.WriteString(Shutdown{Cause: CauseItself, Code: 1}.Line(st))
	b.WriteString(Init{}.Line(st))
	b.WriteString(Init{Failure: "Runtime.ExitError", Refused: []string{`extension "epilogue" refused with 403`}}.Line(st))
	return b.String()
}

func TestTable(t *testing.T) { golden(t, "table", table(Style{})) }

// TestColour: colors change no text, so the columns stay aligned.
func TestColour(t *testing.T) {
	colored := table(Style{Color: true})
	if !strings.Contains(colored, "\x1b[36m") {
		t.Fatal("no color at all")
	}
	plain := colored
	for _, i := range []ink{bold, dim, red, green, yellow, cyan} {
		plain = strings.ReplaceAll(plain, "\x1b["+string(i)+"m", "")
	}
	plain = strings.ReplaceAll(plain, "\x1b[0m", "")
	if diff := cmp.Diff(table(Style{}), plain); diff != "" {
		t.Error(diff)
	}
}

func TestStyleFor(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		env      map[string]string
		want     bool
	}{
		{true, nil, true},
		{false, nil, false},
		{true, map[string]string{"NO_COLOR": "1"}, false},
		{true, map[string]string{"NO_COLOR": ""}, true},
		{true, map[string]string{"TERM": "dumb"}, false},
	} {
		if got := StyleFor(c.terminal, func(k string) string { return c.env[k] }).Color; got != c.want {
			t.Errorf("StyleFor(%v, %v): color %v, want %v", c.terminal, c.env, got, c.want)
		}
	}
}

// span builds a span of the trace tests: times in milliseconds since their beginning.
func span(id, parent byte, name, service string, from, to int) Span {
	begin := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := Span{
		Trace: "57590000000000000000000000000000", ID: fmt.Sprintf("%016x", id), Name: name, Service: service,
		Start: begin.Add(time.Duration(from) * ms), End: begin.Add(time.Duration(to) * ms),
	}
	if parent != 0 {
		s.Parent = fmt.Sprintf("%016x", parent)
	}
	return s
}

func sampleSpans() []Span {
	failed := span(5, 1, "save order", "orders", 16, 18)
	failed.Failed, failed.Message = true, "the store is full, and has been for a long time now"
	return []Span{
		span(4, 3, "GET /prices/{sku}", "prices", 7, 15),
		span(3, 1, "GET", "orders", 6, 16),
		span(2, 1, "validate order", "orders", 1, 2),
		span(1, 0, "POST /orders", "orders", 0, 20),
		failed,
	}
}

func TestTree(t *testing.T) {
	traces := Traces(sampleSpans())
	if len(traces) != 1 {
		t.Fatalf("got %d traces, want 1", len(traces))
	}
	golden(t, "tree", traces[0].Tree(Style{}, "invocation 1, cold"))
}

// TestTreeOfBrokenTraces: an orphan is a root, a circle ends, a copy counts once, a span of no length has a bar.
func TestTreeOfBrokenTraces(t *testing.T) {
	orphan := span(9, 8, "orphan with a name that is a good deal longer than the columns there are for it", "orders", 3, 3)
	a, b := span(1, 2, "a", "orders", 0, 4), span(2, 1, "b", "orders", 1, 2)
	traces := Traces([]Span{a, b, b, orphan})
	if len(traces) != 1 || traces[0].Spans != 3 || traces[0].Orphans() != 2 {
		t.Fatalf("got %+v", traces)
	}
	golden(t, "broken", traces[0].Tree(Style{}, ""))
	alone := Traces([]Span{span(1, 0, "instant", "orders", 1, 1)})
	golden(t, "instant", alone[0].Tree(Style{}, ""))
}

func TestStats(t *testing.T) {
	whole := Stats{
		{Name: "orders, process 1", Ended: 18, Delivered: 18, How: byShape},
		{Name: "orders, process 2", Ended: 18, Delivered: 18, How: byTraces},
		{Name: "orders, process 3", Counted: true, Ended: 4, Delivered: 4, Again: 1, How: byItself},
	}
	broken := Stats{
		{Name: "a-function-with-a-long-name, process 2", Counted: true, Ended: 6, Delivered: 3, Pending: 2, Dropped: 1},
		{Name: "prices", Ended: 2, Delivered: 2, Missing: 1},
	}
	if got := broken.Lost(); got != 4 {
		t.Errorf("lost: got %d, want 4", got)
	}
	golden(t, "stats", whole.Table(Style{})+"\n"+broken.Table(Style{})+"\n"+Stats{{Name: "fn"}}.Table(Style{})+
		Stats{{Name: "fn", Counted: true}}.Table(Style{})+Stats{}.Table(Style{}))
}
