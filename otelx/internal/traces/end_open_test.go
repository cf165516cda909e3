package traces_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// node is a span of a scenario. Its name is its trace and its id.
type node struct {
	trace, id byte
	parent    byte // 0: none
	remote    bool // the parent is in another process
	ended     bool // it ends before the call
}

func (n node) name() string { return strconv.Itoa(int(n.trace)) + "." + strconv.Itoa(int(n.id)) }

// startNodes starts spans in this order, and then ends those that are to be ended.
func (f *fixture) startNodes(nodes []node) {
	var ended []trace.Span
	for _, n := range nodes {
		ctx := context.Background()
		if n.parent != 0 {
			ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: traceID(n.trace), SpanID: spanID(n.parent), TraceFlags: trace.FlagsSampled, Remote: n.remote,
			}))
		}
		f.ids.trace, f.ids.span = n.trace, n.id
		_, span := f.tracer.Start(ctx, n.name())
		if n.ended {
			ended = append(ended, span)
		}
	}
	for _, span := range ended {
		span.End()
	}
}

// The roots select spans by id: themselves, their descendants, and orphans that can belong to no other root.
func TestEndOpenSpansSelects(t *testing.T) {
	tree := []node{{trace: 1, id: 1}, {trace: 1, id: 2, parent: 1}, {trace: 1, id: 3, parent: 2}, {trace: 2, id: 4}}
	orphan := []node{{trace: 1, id: 1}, {trace: 1, id: 2, parent: 1, ended: true}, {trace: 1, id: 3, parent: 2}}
	const caller = 9 // in another process
	twoEntries := []node{
		{trace: 1, id: 1, parent: caller, remote: true},
		{trace: 1, id: 2, parent: 1, ended: true},
		{trace: 1, id: 3, parent: 2},
		{trace: 1, id: 4, parent: caller, remote: true},
		{trace: 1, id: 5, parent: 4},
	}
	repeated := []node{{trace: 1, id: 1}, {trace: 1, id: 2, parent: 1}, {trace: 2, id: 2}, {trace: 2, id: 1, parent: 2}, {trace: 3, id: 2}}
	for name, c := range map[string]struct {
		nodes []node
		roots [][8]byte
		want  string // sorted
	}{
		"nil: every span":                    {tree, nil, "1.1 1.2 1.3 2.4"},
		"no root: no span":                   {tree, [][8]byte{}, ""},
		"root":                               {tree, [][8]byte{spanID(1)}, "1.1 1.2 1.3"},
		"inner span":                         {tree, [][8]byte{spanID(2)}, "1.2 1.3"},
		"two roots":                          {tree, [][8]byte{spanID(3), spanID(4)}, "1.3 2.4"},
		"one below the other":                {tree, [][8]byte{spanID(2), spanID(1)}, "1.1 1.2 1.3"},
		"unknown root":                       {tree, [][8]byte{spanID(8)}, ""},
		"zero id":                            {tree, [][8]byte{{}}, ""},
		"orphan of the only entry":           {orphan, [][8]byte{spanID(1)}, "1.1 1.3"},
		"ended root":                         {orphan, [][8]byte{spanID(2)}, "1.3"},
		"orphan of one of two entries":       {twoEntries, [][8]byte{spanID(1)}, "1.1"},
		"the other entry":                    {twoEntries, [][8]byte{spanID(4)}, "1.4 1.5"},
		"both entries":                       {twoEntries, [][8]byte{spanID(1), spanID(4)}, "1.1 1.4 1.5"},
		"remote parent":                      {twoEntries, [][8]byte{spanID(caller)}, "1.1 1.4 1.5"},
		"zero id, two entries":               {twoEntries, [][8]byte{{}}, ""},
		"zero id, no entry":                  {[]node{{trace: 1, id: 3, parent: 2}}, [][8]byte{{}}, ""},
		"the same ids in each trace: a leaf": {repeated, [][8]byte{spanID(1)}, "1.1 1.2 2.1"},
		"the same ids in each trace":         {repeated, [][8]byte{spanID(2)}, "1.2 2.1 2.2 3.2"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 100)
			f.startNodes(c.nodes)
			before := f.ended()
			n := f.processor.EndOpenSpans(c.roots, "timeout", "no time left")
			got := f.ended()[len(before):]
			slices.Sort(got)
			if strings.Join(got, " ") != c.want || n != len(got) {
				t.Errorf("ended %q and returned %d, want %s", got, n, c.want)
			}
			if all := f.endAll(); len(all) != len(c.nodes) {
				t.Errorf("%d spans have ended at last, want all %d", len(all), len(c.nodes))
			}
		})
	}
}

// Ended spans tell why, and all at the same moment. What the program has said about a span stays.
func TestEndOpenSpansMarks(t *testing.T) {
	f := newFixture(t, 100)
	f.start("plain")
	f.start("typed").SetAttributes(attribute.String("error.type", "503"))
	f.start("ok").SetStatus(codes.Ok, "")
	f.start("failed").SetStatus(codes.Error, "mine")
	if n := f.processor.EndOpenSpans(nil, "timeout", "no time left"); n != 4 {
		t.Errorf("EndOpenSpans = %d, want 4", n)
	}
	f.start("untyped")
	f.processor.EndOpenSpans(nil, "", "stopped")
	f.ended()
	for name, want := range map[string]struct {
		status    sdktrace.Status
		errorType string
	}{
		"plain":   {sdktrace.Status{Code: codes.Error, Description: "no time left"}, "timeout"},
		"typed":   {sdktrace.Status{Code: codes.Error, Description: "no time left"}, "503"},
		"ok":      {sdktrace.Status{Code: codes.Ok}, "timeout"},
		"failed":  {sdktrace.Status{Code: codes.Error, Description: "no time left"}, "timeout"},
		"untyped": {sdktrace.Status{Code: codes.Error, Description: "stopped"}, ""},
	} {
		s := f.span(name)
		attrs := attribute.NewSet(s.Attributes()...)
		errorType, _ := attrs.Value("error.type")
		if s.Status() != want.status || errorType.AsString() != want.errorType {
			t.Errorf("%s: status %+v, error.type %q; want %+v", name, s.Status(), errorType.AsString(), want)
		}
		if name != "untyped" && !s.EndTime().Equal(f.span("plain").EndTime()) {
			t.Errorf("%s ended at another moment", name)
		}
	}
}

// The span that started last ends first, so a child ends before its parent, whatever start times they were given.
func TestEndOpenSpansYoungestFirst(t *testing.T) {
	f := newFixture(t, 100)
	at := time.Now()
	f.start("b", trace.WithTimestamp(at))
	f.start("c", trace.WithTimestamp(at))
	f.start("a", trace.WithTimestamp(at.Add(-time.Second)))
	f.start("d", trace.WithTimestamp(at))
	if got := strings.Join(f.endAll(), ""); got != "dacb" {
		t.Errorf("ended %s, want dacb", got)
	}
}

func TestEndOpenSpansRacesEnd(t *testing.T) {
	f := newFixture(t, 2000)
	var spans []trace.Span
	for range 500 {
		spans = append(spans, f.start("a"))
	}
	var both sync.WaitGroup
	both.Go(func() {
		for _, span := range spans {
			span.End()
		}
	})
	both.Go(func() { f.processor.EndOpenSpans(nil, "", "x") })
	both.Wait()
	if n := len(f.ended()); n != 500 {
		t.Errorf("%d ends of 500 spans", n)
	}
}

// The SDK calls processors while a span ends, and a processor may start spans. So no lock may be held.
func TestEndOpenSpansHoldsNoLock(t *testing.T) {
	r := new(reentrant)
	f := newFixture(t, 100, sdktrace.WithSpanProcessor(r))
	r.onEnd = func() {
		_, span := f.tracer.Start(context.Background(), "inside")
		span.End()
	}
	f.start("a")
	f.start("b")
	done := make(chan int, 1)
	go func() { done <- f.processor.EndOpenSpans(nil, "", "x") }()
	select {
	case n := <-done:
		if n != 2 {
			t.Errorf("EndOpenSpans = %d, want 2", n)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("EndOpenSpans waits for itself")
	}
}

// reentrant is a span processor that calls onEnd during the first end of a span.
type reentrant struct {
	onEnd func()
	done  atomic.Bool
}

func (*reentrant) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (r *reentrant) OnEnd(sdktrace.ReadOnlySpan) {
	if !r.done.Swap(true) {
		r.onEnd()
	}
}
func (*reentrant) Shutdown(context.Context) error   { return nil }
func (*reentrant) ForceFlush(context.Context) error { return nil }

// A chain of ten thousand open spans is not walked once for each span, nor once for each root.
func TestEndOpenSpansTakesOnePass(t *testing.T) {
	const n = 10_000
	f := newFixture(t, n)
	id := func(i int) trace.SpanID { return trace.SpanID{1, byte(i), byte(i >> 8)} }
	reads := 0
	var roots [][8]byte
	for i := range n {
		f.processor.OnStart(t.Context(), chained{id: id(i + 1), parent: id(i), reads: &reads})
		roots = append(roots, [8]byte{9, byte(i), byte(i >> 8)})
	}
	reads = 0
	if got := f.processor.EndOpenSpans(roots, "", "x"); got != 0 || reads > 10*n {
		t.Errorf("%d spans selected, %d reads of span contexts", got, reads)
	}
}

// chained is an open span that counts the reads of its span contexts.
type chained struct {
	sdktrace.ReadWriteSpan
	id, parent trace.SpanID
	reads      *int
}

func (chained) StartTime() time.Time             { return time.Unix(1, 0) }
func (s chained) SpanContext() trace.SpanContext { return s.context(s.id) }
func (s chained) Parent() trace.SpanContext      { return s.context(s.parent) }

func (s chained) context(id trace.SpanID) trace.SpanContext {
	*s.reads++
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID(1), SpanID: id, TraceFlags: trace.FlagsSampled})
}
