package otelx

import (
	"context"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// endedAt is a span that has ended so many seconds after 1970, which its name says.
func endedAt(second int) sdktrace.ReadOnlySpan {
	return tracetest.SpanStub{Name: strconv.Itoa(second), EndTime: time.Unix(int64(second), 0)}.Snapshot()
}

// takeNames takes what is in l and lets it go.
func takeNames(l *lanes) (out []string) {
	if l.take() {
		for s := range l.ends {
			out = append(out, s.Name())
		}
		l.letGo()
	}
	return out
}

// While one core is in a lane another does not wait for it but opens the next, and both are taken. Once a lane is enough
// again there is one.
func TestALaneOpensWhereTwoCoresMeet(t *testing.T) {
	l := newLanes(3)
	l.end(endedAt(1))
	l.all[0].mu.Lock()
	l.end(endedAt(2))
	l.all[0].mu.Unlock()
	if n := len(l.all[1].ended.spans); n != 1 || l.open.Load() != 2 {
		t.Errorf("%d spans in the second lane of %d, want 1 of 2", n, l.open.Load())
	}
	if got := takeNames(l); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("took %v", got)
	}
	if takeNames(l); l.open.Load() != 1 {
		t.Errorf("%d lanes are open after nobody has met, want 1", l.open.Load())
	}
	l.end(endedAt(3))
	if n := len(l.all[0].ended.spans); n != 1 {
		t.Errorf("%d spans in the first lane, want 1", n)
	}
}

func TestSpansOfSeveralLanesComeInTheOrderOfTheirEnds(t *testing.T) {
	l := newLanes(4)
	for i, seconds := range [][]int{{1, 4, 9}, {2, 3, 10, 11}, {}, {5}} {
		for _, second := range seconds {
			l.all[i].ended.put(endedAt(second))
		}
		l.opened(&l.all[i])
	}
	if got := takeNames(l); !slices.Equal(got, []string{"1", "2", "3", "4", "5", "9", "10", "11"}) {
		t.Errorf("took %v", got)
	}
	for i := range l.all {
		if taken := l.all[i].ended.taken; !slices.Equal(taken[:cap(taken)], make([]sdktrace.ReadOnlySpan, cap(taken))) {
			t.Errorf("lane %d holds what was let go", i)
		}
	}
}

// However spans fall upon the lanes, no more than the last of as many as are awaited comes without anybody being told.
func TestSpansAreDueOverAllLanesTogether(t *testing.T) {
	for open := 1; open <= 4; open++ {
		for await := 1; await <= 20; await++ {
			l := newLanes(4)
			l.opened(&l.all[open-1])
			l.await(1, await)
			untold := 0
			for i := range l.all {
				for !l.all[i].ended.put(endedAt(0)) {
					untold++
				}
			}
			if untold >= await {
				t.Errorf("%d spans lie untold in %d lanes, want less than %d", untold, open, await)
			}
		}
	}
}

// TestLanesStorm starts and ends spans on lanes from which somebody takes: all arrive, and the start of each before its
// end.
func TestLanesStorm(t *testing.T) {
	const goroutines, each = 6, 2000
	l := newLanes(3)
	l.await(1e6, 1e6)
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(laying{l})).Tracer("test")
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range each {
				_, span := tracer.Start(context.Background(), "a")
				span.End()
			}
		})
	}
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	open, ends := map[trace.SpanID]bool{}, 0
	for last := false; !last; {
		last = isClosed(over)
		if !l.take() {
			continue
		}
		for s := range l.starts {
			open[s.SpanContext().SpanID()] = true
		}
		for s := range l.ends {
			id := s.SpanContext().SpanID()
			if !open[id] {
				t.Fatal("the end of a span was taken before its start")
			}
			delete(open, id)
			ends++
		}
		l.letGo()
	}
	if ends != goroutines*each || len(open) > 0 {
		t.Errorf("%d spans have ended and %d are open, want %d and none", ends, len(open), goroutines*each)
	}
}

// laying is a span processor that puts spans into lanes.
type laying struct{ *lanes }

func (l laying) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) { l.start(s) }
func (l laying) OnEnd(s sdktrace.ReadOnlySpan)                       { l.end(s) }
func (laying) ForceFlush(context.Context) error                      { return nil }
func (laying) Shutdown(context.Context) error                        { return nil }

// BenchmarkLanes is a span that is put down twice by many goroutines at once, into one lane and into one for each core.
func BenchmarkLanes(b *testing.B) {
	started, ended := benchSpans(1)
	for name, cores := range map[string]int{"one": 1, "each": runtime.GOMAXPROCS(0)} {
		b.Run("core="+name, func(b *testing.B) {
			l := newLanes(cores)
			var owner sync.Mutex
			take := func() {
				owner.Lock()
				defer owner.Unlock()
				l.take()
				l.letGo()
				l.await(1024, 1024)
			}
			b.SetParallelism(32)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if l.start(started[0]) {
						take()
					}
					if l.end(ended[0]) {
						take()
					}
				}
			})
		})
	}
}
