package otelx

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otelerr"
)

// moody is an exporter that does what exporters do, one thing or another by chance.
type moody struct {
	wide int

	mu        sync.Mutex
	rand      *rand.Rand
	busy      int
	closed    bool
	faults    []string
	delivered map[string]int // spans by name
}

func (x *moody) width() int { return x.wide }

func (x *moody) close(context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.busy > 0 || x.closed {
		x.faults = append(x.faults, "closed while busy, or twice")
	}
	x.closed = true
	return nil
}

// roll returns a number below n, and counts a call in.
func (x *moody) roll(n int) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.busy++
	if x.closed || x.busy > x.wide {
		x.faults = append(x.faults, "export after close, or too many at once")
	}
	return x.rand.IntN(n)
}

func (x *moody) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) outcome {
	mood := x.roll(16)
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.busy--
	}()
	failed := outcome{n: len(spans), verdict: retry, err: errDown}
	takes := time.Duration(mood) * time.Millisecond
	switch mood {
	case 1, 2: // hangs
		<-ctx.Done()
		return failed
	case 3:
		panic("moody")
	case 4:
		failed.verdict = refused
		return failed
	case 5:
		failed.retryAfter = 30 * time.Millisecond
		return failed
	case 6, 7, 8:
		return failed
	case 9:
		if x.wide == 1 {
			failed.verdict = keep
		}
		return failed
	case 10:
		return outcome{n: 1, verdict: tooLarge, unsent: true, err: errDown}
	case 11:
		takes = 300 * time.Millisecond
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return failed
	}
	o := outcome{n: len(spans)}
	if mood > 13 {
		o.n = 1 + len(spans)/2
	}
	if mood == 15 {
		o.rejected, o.err = 1, errors.New("one was bad")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range spans[:o.n] {
		x.delivered[s.Name()]++
	}
	return o
}

// storm is callers of everything at once, each with little time.
type storm struct {
	t   *testing.T
	sdk *SDK

	mu   sync.Mutex
	rand *rand.Rand
	made int
}

func (s *storm) roll(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rand.IntN(n)
}

// call makes a call with a short time, and wants it back by then.
func (s *storm) call(name string, f func(ctx context.Context) error) {
	limit := time.Duration(s.roll(60)) * time.Millisecond
	if s.roll(5) == 0 {
		limit *= 20
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	if limit > 0 && s.roll(4) == 0 {
		time.AfterFunc(time.Duration(s.roll(int(limit))), cancel)
	}
	begin := time.Now()
	_ = f(ctx)
	if took := time.Since(begin); took > limit {
		s.t.Errorf("%s took %v of %v", name, took, limit)
	}
}

func (s *storm) spans() {
	for range 60 {
		var names []string
		s.mu.Lock()
		for range s.rand.IntN(20) {
			names = append(names, strconv.Itoa(s.made))
			s.made++
		}
		s.mu.Unlock()
		end(s.sdk, names...)
		time.Sleep(time.Duration(s.roll(20)) * time.Millisecond)
	}
}

func (s *storm) callers() {
	for range 40 {
		switch s.roll(8) {
		case 0:
			s.sdk.SetBackgroundExport(s.roll(2) == 0)
		case 1:
			s.sdk.EndOpenSpans(nil, "", "storm")
		default:
			s.call("ForceFlush", s.sdk.ForceFlush)
		}
		time.Sleep(time.Duration(s.roll(30)) * time.Millisecond)
	}
}

// watch looks at the account until all have done.
func (s *storm) watch(all *sync.WaitGroup) {
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	for {
		s.wantAccount()
		select {
		case <-over:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func (s *storm) wantAccount() {
	s.t.Helper()
	a := s.sdk.Stats()
	if a.Ended != a.Exported+a.Pending+a.Dropped.Total() || a.Pending < 0 || a.Exported < 0 {
		s.t.Errorf("the account does not add up: %+v", a)
	}
}

// Whatever callers and exporter do at once: nobody waits beyond his context, the account adds up at each moment, no span
// arrives that is not counted, and none twice but for a last request that was made twice.
func TestStorm(t *testing.T) {
	otelerr.Discard(t)
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			x := &moody{wide: 1 + int(seed%2)*7, rand: rand.New(rand.NewPCG(seed, 1)), delivered: map[string]int{}}
			size := sized{bound: 200, batch: 20, delay: 50 * time.Millisecond, timeout: time.Second, interval: true}
			s := &storm{t: t, sdk: start(x, size), rand: rand.New(rand.NewPCG(seed, 2))}
			var all sync.WaitGroup
			for range 4 {
				all.Go(s.spans)
				all.Go(s.callers)
				all.Go(s.callers)
			}
			s.watch(&all)
			for range 3 {
				all.Go(func() { s.call("Shutdown", s.sdk.Shutdown) })
				all.Go(s.callers)
			}
			all.Wait()
			_ = s.sdk.Shutdown(within(t, time.Minute))
			s.wantAccount()
			for _, fault := range x.faults {
				t.Error(fault)
			}
			arrived := int64(0)
			for _, n := range x.delivered {
				arrived++
				if n > 3 {
					t.Errorf("a span arrived %d times", n)
				}
			}
			if a := s.sdk.Stats(); arrived < a.Exported || arrived > a.Exported+a.Dropped.Rejected {
				t.Errorf("%d spans arrived: %+v", arrived, a)
			}
		})
	}
}
