package traces_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Spans start and end at random. Those that a plain map has as open are the ones that EndOpenSpans ends.
func TestOpenSpansAgreeWithAMap(t *testing.T) {
	for _, bound := range []int{1, 3, 100, 1000} {
		rng := rand.New(rand.NewPCG(uint64(bound), 1))
		f := newFixture(t, bound)
		var open []trace.Span
		want := map[string]bool{}
		for i := range 5000 {
			if n := len(open); n > 0 && rng.IntN(2) == 0 {
				k := rng.IntN(n)
				delete(want, open[k].(sdktrace.ReadOnlySpan).Name())
				open[k].End()
				open = slices.Delete(open, k, k+1)
				continue
			}
			if len(open) < bound {
				name := strconv.Itoa(i)
				open, want[name] = append(open, f.start(name)), true
			}
		}
		before := len(f.ended())
		for _, name := range f.endAll()[before:] {
			if !want[name] {
				t.Errorf("bound %d: span %s was not open, or ended twice", bound, name)
			}
			delete(want, name)
		}
		if len(want) > 0 {
			t.Errorf("bound %d: open spans are missing: %v", bound, want)
		}
	}
}

func TestOpenSpansAreBounded(t *testing.T) {
	for _, bound := range []int{1, 4, 100, 2048, 5000} {
		f := newFixture(t, bound)
		for range bound + 10 {
			f.start("a")
		}
		if n := f.processor.EndOpenSpans(nil, "", "x"); n != bound {
			t.Errorf("bound %d: %d open spans are known", bound, n)
		}
	}
}

// Only sampled spans are known, since only those are exported.
func TestUnsampledSpansAreIgnored(t *testing.T) {
	f := newFixture(t, 100, sdktrace.WithSampler(recordOnly{}))
	f.start("open")
	f.start("ended").End()
	if got := f.endAll(); len(got) != 0 {
		t.Errorf("ended %q", got)
	}
	if s := f.queue.Stats(); s.Ended != 0 {
		t.Errorf("counts %+v", s)
	}
}

// recordOnly lets the SDK record spans and call processors, without sampling.
type recordOnly struct{}

func (recordOnly) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return sdktrace.SamplingResult{Decision: sdktrace.RecordOnly}
}
func (recordOnly) Description() string { return "recordOnly" }

// A program that forgets to end some of its spans does not lose the others: after 15 minutes they give way, and not
// before.
func TestForgottenSpansGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound = 128
		f := newFixture(t, bound)
		known := func() int {
			span := f.start("probe")
			return f.processor.EndOpenSpans([][8]byte{span.SpanContext().SpanID()}, "", "x")
		}
		for range 2 * bound {
			f.start("forgotten")
		}
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{0, 0}, {14 * time.Minute, 0}, {time.Minute, 0}, {time.Second, 1}} {
			time.Sleep(c.after)
			if n := known(); n != c.want {
				t.Errorf("after %s more: %d, want %d", c.after, n, c.want)
			}
		}
		for range bound {
			f.start("young")
		}
		before := len(f.ended())
		for range 10 * bound {
			f.start("younger")
		}
		for _, name := range f.endAll()[before:] {
			if name != "young" {
				t.Fatalf("a young span has given way to %s", name)
			}
		}
		if n := len(f.ended()) - before; n != bound {
			t.Errorf("%d young spans were known, want %d", n, bound)
		}
	})
}

// Each span gives way 15 minutes after its own start, also if older ones have given way before.
func TestForgottenSpansGiveWayInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const half = 32
		f := newFixture(t, 2*half)
		fill := func(name string) {
			for range half {
				f.start(name)
			}
		}
		fill("first")
		time.Sleep(10 * time.Minute)
		fill("second")
		time.Sleep(5*time.Minute + time.Second)
		fill("third") // the first give way
		time.Sleep(10 * time.Minute)
		fill("fourth") // the second give way
		names := f.endAll()
		slices.Sort(names)
		if got := strings.Join(slices.Compact(names), " "); got != "fourth third" || len(f.ended()) != 2*half {
			t.Errorf("%d spans were known: %s; want the third and the fourth", len(f.ended()), got)
		}
	})
}

// A span that is open throughout is always among those that a concurrent caller finds.
func TestOpenSpansConcurrently(t *testing.T) {
	f := newFixture(t, 4000)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				f.start("short").End()
			}
		})
		all.Go(func() {
			for range 100 {
				span := f.start("mine")
				if n := f.processor.EndOpenSpans([][8]byte{span.SpanContext().SpanID()}, "", "x"); n != 1 {
					t.Errorf("EndOpenSpans = %d, want 1", n)
				}
			}
		})
	}
	all.Wait()
	if n := f.processor.EndOpenSpans(nil, "", "x"); n != 0 {
		t.Errorf("%d spans are open, want none", n)
	}
	if n := len(f.ended()); n != 2400 {
		t.Errorf("%d spans have ended, want 2400", n)
	}
}

// slowPanic is a panic's value whose text is not ready until release is closed.
type slowPanic struct{ asked, release chan struct{} }

func (p slowPanic) Error() string {
	close(p.asked)
	<-p.release
	return "slow"
}

// While the SDK formats a panic's value it holds the span's lock. If that takes forever, no flush and no other span may
// wait for it.
func TestASpanThatCanNotBeAskedHoldsNobody(t *testing.T) {
	const bound = 50
	f := newFixture(t, bound)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stuck := slowPanic{make(chan struct{}), make(chan struct{})}
	release := sync.OnceFunc(func() { close(stuck.release) })
	context.AfterFunc(ctx, release)
	var handler sync.WaitGroup
	handler.Go(func() {
		defer func() { _ = recover() }()
		_, span := f.tracer.Start(ctx, "stuck")
		defer span.End()
		panic(stuck)
	})
	<-stuck.asked
	f.start("before").End()
	if err := f.processor.ForceFlush(ctx); err != nil {
		t.Errorf("ForceFlush: %v", err)
	}
	for range 2 * bound { // the table becomes full, and a span that finds it full looks for forgotten ones
		f.start("open")
		f.start("after").End()
	}
	if got := f.ended(); len(got) < 2*bound {
		t.Errorf("%d spans have ended", len(got))
	}
	if ctx.Err() != nil {
		t.Error("nothing happened until the span's lock was free")
	}
	release()
	handler.Wait()
	f.endAll()
	if s := f.span("stuck"); len(s.Events()) != 1 {
		t.Errorf("the span has %d events, want that of the panic", len(s.Events()))
	}
}

// A span that was given an early start time gives way after 15 minutes as well, although a younger one came before it.
func TestForgottenSpanWithAnEarlyStartGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 2)
		f.start("young")
		f.start("forgotten", trace.WithTimestamp(time.Now().Add(-16*time.Minute)))
		f.start("new")
		if got := f.endAll(); !slices.Equal(got, []string{"new", "young"}) {
			t.Errorf("ended %q", got)
		}
	})
}
