package otelx

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otelerr"
)

func TestFullQueueDropsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{bound: 4, batch: 2})
		s.processor.queue.half = 100 // no background export
		end(s, "a", "b", "c", "d", "e", "f", "g")
		wantStats(t, s, Stats{Ended: 7, Pending: 4, Dropped: Dropped{QueueFull: 3}})
		err := s.ForceFlush(t.Context())
		if err == nil || err.Error() != "3 spans dropped: 3 the buffer was full" {
			t.Errorf("ForceFlush: %v", err)
		}
		if got := strings.Join(x.got(), ""); got != "defg" {
			t.Errorf("delivered %s, want the youngest", got)
		}
	})
}

// What is on the wire may arrive, so it is not what gives way.
func TestFullQueueDropsNothingInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{bound: 4, batch: 4})
		s.processor.queue.half = 100
		release := x.hold()
		end(s, "a", "b", "c")
		done := make(chan error, 1)
		go func() { done <- s.ForceFlush(t.Context()) }()
		synctest.Wait()
		end(s, "d", "e")
		wantStats(t, s, Stats{Ended: 5, Pending: 4, Dropped: Dropped{QueueFull: 1}})
		release()
		if err := <-done; err == nil {
			t.Error("a drop went unreported")
		}
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		if got := strings.Join(x.got(), ""); got != "abce" {
			t.Errorf("delivered %s", got)
		}
	})
}

func TestFullQueueInFlightDropsTheNewcomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{bound: 2, batch: 2})
		s.processor.queue.half = 100
		release := x.hold()
		end(s, "a", "b")
		done := make(chan error, 1)
		go func() { done <- s.ForceFlush(t.Context()) }()
		synctest.Wait()
		end(s, "c")
		wantStats(t, s, Stats{Ended: 3, Pending: 2, Dropped: Dropped{QueueFull: 1}})
		release()
		if err := <-done; err == nil {
			t.Error("a drop went unreported")
		}
		if got := strings.Join(x.got(), ""); got != "ab" {
			t.Errorf("delivered %s", got)
		}
	})
}

func TestKeptBatchesAreTheOldestAndDropFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{script: []outcome{{verdict: keep, err: errDown}}}
		s := start(x, sized{bound: 4, batch: 2})
		s.processor.queue.half = 100
		end(s, "a", "b", "c")
		if err := s.ForceFlush(t.Context()); err == nil {
			t.Error("ForceFlush succeeded")
		}
		end(s, "d", "e", "f", "g")
		if err := s.ForceFlush(t.Context()); err == nil {
			t.Error("a drop went unreported")
		}
		if got := strings.Join(x.got(), ""); got != "defg" {
			t.Errorf("delivered %s", got)
		}
	})
}

func TestUnsampledSpansAreNotTouched(t *testing.T) {
	x := &fakeExporter{}
	s := start(x, sized{})
	s.provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.processor), sdktrace.WithSampler(recordOnly{}))
	end(s, "a")
	if n := s.EndOpenSpans(nil, "", "no"); n != 0 {
		t.Errorf("%d unsampled spans are open", n)
	}
	wantStats(t, s, Stats{})
}

type recordOnly struct{ sdktrace.Sampler }

func (recordOnly) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return sdktrace.SamplingResult{Decision: sdktrace.RecordOnly}
}

// moodyExporter delivers, delays, splits, refuses and fails at random, and keeps account of its own.
type moodyExporter struct {
	mu                       sync.Mutex
	rng                      *rand.Rand
	exported, rejected, lost int64
	seen                     map[string]int // how often a span was settled
	kept                     map[string]int // in how many requests it failed for good
	most, under              int
}

func (*moodyExporter) width() int                  { return 4 }
func (*moodyExporter) close(context.Context) error { return nil }

func (m *moodyExporter) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	m.mu.Lock()
	m.under++
	m.most = max(m.most, m.under)
	o := outcome{n: 1 + m.rng.IntN(len(spans)), err: errDown}
	delay := time.Duration(m.rng.IntN(50)) * time.Millisecond
	mood := m.rng.IntN(10)
	m.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		mood = 9
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.under--
	switch mood {
	default:
		o.rejected = int64(m.rng.IntN(2))
		m.exported += int64(o.n) - o.rejected
		m.rejected += o.rejected
	case 6:
		o.verdict = refused
		m.lost += int64(o.n)
	case 7:
		o.verdict, o.n = tooLarge, 1
		m.lost++
	case 8:
		o.verdict, o.retryAfter = retry, time.Duration(m.rng.IntN(300))*time.Millisecond
	case 9:
		o.verdict = keep
		for _, name := range names(spans) {
			m.kept[name]++
		}
	}
	if o.verdict != retry && o.verdict != keep {
		for _, name := range names(spans[:o.n]) {
			m.seen[name]++
		}
	}
	return o
}

// struckOut returns how many spans the exporter has failed so often that they may have been dropped for it, without a
// word from it.
func (m *moodyExporter) struckOut() (n int64) {
	for name, kept := range m.kept {
		if kept >= maxStrikes && m.seen[name] == 0 {
			n++
		}
	}
	return n
}

// Whatever happens at once, the account adds up at every moment, no span is settled twice, and none is forgotten.
func TestAccountAddsUp(t *testing.T) {
	otelerr.Discard(t)
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) { accountRound(t, seed) })
	}
}

func accountRound(t *testing.T, seed uint64) {
	m := &moodyExporter{rng: rand.New(rand.NewPCG(seed, 1)), seen: map[string]int{}, kept: map[string]int{}}
	s := start(m, sized{bound: 64, batch: 8, interval: seed%2 == 0, delay: 30 * time.Millisecond, timeout: time.Second})
	check := func() {
		st := s.Stats()
		if st.Ended != st.Exported+st.Pending+st.Dropped.Total() || st.Pending < 0 || st.Pending > 64 {
			t.Errorf("seed %d: the account does not add up: %+v", seed, st)
		}
	}
	var all sync.WaitGroup
	for g := range 6 {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(g)+100))
			for i := range 100 {
				end(s, fmt.Sprintf("%d/%d", g, i))
				check()
				time.Sleep(time.Duration(rng.IntN(5)) * time.Millisecond)
			}
		})
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(g)+200))
			for range 10 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(100))*time.Millisecond)
				_ = s.ForceFlush(ctx)
				cancel()
				check()
				s.SetBackgroundExport(rng.IntN(2) == 0)
				time.Sleep(time.Duration(rng.IntN(40)) * time.Millisecond)
			}
		})
	}
	all.Wait()
	m.mu.Lock()
	m.rng = rand.New(rand.NewPCG(0, 0))
	m.mu.Unlock()
	for s.Stats().Pending > 0 {
		_ = s.ForceFlush(context.Background())
		time.Sleep(firstPause) // a flush makes no request while the breaker is open
	}
	_ = s.Shutdown(context.Background())
	check()
	got := s.Stats()
	want := Stats{Ended: 600, Exported: m.exported, Dropped: Dropped{QueueFull: got.Dropped.QueueFull, Rejected: m.rejected}}
	want.Dropped.Refused, want.Dropped.TooLarge = got.Dropped.Refused, got.Dropped.TooLarge
	blamed := got.Dropped.Refused + got.Dropped.TooLarge - m.lost
	if got != want || blamed < 0 || blamed > m.struckOut() {
		t.Errorf("seed %d: account %+v, the exporter saw %d exported, %d rejected, %d lost, %d that may be blamed",
			seed, got, m.exported, m.rejected, m.lost, m.struckOut())
	}
	for name, n := range m.seen {
		if n != 1 {
			t.Errorf("seed %d: span %s was settled %d times", seed, name, n)
		}
	}
	if int64(len(m.seen))+blamed+got.Dropped.QueueFull != got.Ended {
		t.Errorf("seed %d: %d spans settled, %d blamed and %d dropped of %d", seed, len(m.seen), blamed, got.Dropped.QueueFull, got.Ended)
	}
	if m.most > 4 {
		t.Errorf("seed %d: %d exports at once", seed, m.most)
	}
}
