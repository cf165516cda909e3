package otelx

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// goDown makes x fail as the name says, until the returned function is called.
func goDown(x *fakeExporter, how string) (comeBack func()) {
	if how == "hangs" {
		return x.hold()
	}
	v := retry // an OTLP backend, which refuses with 503, or a connection that is refused or reset
	if how == "foreign" {
		v = keep
		x.before = func() { time.Sleep(2 * trifle) }
	}
	for range 1000 {
		x.answer(outcome{verdict: v, err: errDown})
	}
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.script, x.before = nil, nil
	}
}

// outageCost makes 1,000 flushes with 2 s each, and returns what they took together and the first alone.
func outageCost(t *testing.T, s *SDK, apart time.Duration) (all, first time.Duration) {
	t.Helper()
	for i := range 1000 {
		end(s, strconv.Itoa(i))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		begin := time.Now()
		if s.ForceFlush(ctx) == nil {
			t.Error("ForceFlush succeeded")
		}
		cancel()
		all += time.Since(begin)
		if i == 0 {
			first = all
		}
		time.Sleep(apart)
	}
	return all, first
}

func TestOutageCostsLittleAndLosesTheOldestOnly(t *testing.T) {
	for _, how := range []string{"hangs", "refuses", "foreign"} {
		for _, apart := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second} {
			synctest.Test(t, func(t *testing.T) {
				x := &fakeExporter{}
				comeBack := goDown(x, how)
				s := start(x, sized{bound: 300, batch: 50})
				all, first := outageCost(t, s, apart)
				t.Logf("%s, %v apart: %v a flush, the first %v, %d requests", how, apart, all/1000, first, len(x.log()))
				if first > 2*time.Second || (all-first)/1000 >= 5*time.Millisecond {
					t.Errorf("%s, %v apart: 1,000 flushes took %v, the first %v", how, apart, all, first)
				}
				wantStats(t, s, Stats{Ended: 1000, Pending: 300, Dropped: Dropped{QueueFull: 700}})
				comeBack()
				time.Sleep(maxPause)
				var drop *DropError
				if err := s.ForceFlush(within(t, time.Second)); err != nil && !errors.As(err, &drop) {
					t.Error(err)
				}
				var want []string
				for i := 700; i < 1000; i++ {
					want = append(want, strconv.Itoa(i))
				}
				got := x.got()
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s: delivered %v, want the youngest 300 once", how, got)
				}
			})
		}
	}
}

// A backend that has answered before is known to be quick: its hang costs a look.
func TestHangAfterAnswersCostsOneLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		s := start(x, sized{})
		end(s, "a")
		_ = s.ForceFlush(within(t, 2*time.Second))
		defer x.hold()()
		all, first := outageCost(t, s, time.Second)
		if first != warmLook || (all-first)/1000 >= 5*time.Millisecond {
			t.Errorf("1,000 flushes took %v, the first %v", all, first)
		}
	})
}

// A backend that takes its time is found by the first probe after its recovery, however long it was away.
func TestSlowBackendIsFoundAgainByOneProbe(t *testing.T) {
	for _, slow := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, 600 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			x := &fakeExporter{before: func() { time.Sleep(slow) }}
			s := start(x, sized{bound: 300, batch: 300})
			end(s, "a")
			_ = s.ForceFlush(within(t, 2*time.Second))
			comeBack := x.hold()
			_, _ = outageCost(t, s, time.Second)
			comeBack()
			time.Sleep(maxPause)
			var drop *DropError
			if err := s.ForceFlush(within(t, 2*time.Second)); (err != nil && !errors.As(err, &drop)) || s.Stats().Pending != 0 {
				t.Errorf("a backend that takes %v: %v, with %d pending", slow, err, s.Stats().Pending)
			}
		})
	}
}

// One flush in vain does not make the next one wait: the backend may be well already.
func TestFlushAfterAFailureGoesAtOnce(t *testing.T) {
	for _, how := range []string{"hangs", "refuses", "foreign"} {
		synctest.Test(t, func(t *testing.T) {
			x := &fakeExporter{}
			comeBack := goDown(x, how)
			s := start(x, sized{batch: 2})
			end(s, "a", "b", "c", "d", "e")
			if s.ForceFlush(within(t, 2*time.Second)) == nil {
				t.Error("ForceFlush succeeded")
			}
			synctest.Wait()
			if got := s.Stats().Breaker; got != BreakerHalfOpen {
				t.Errorf("%s: breaker %v", how, got)
			}
			comeBack()
			begin := time.Now()
			if err := s.ForceFlush(within(t, 2*time.Second)); err != nil || time.Since(begin) != 0 {
				t.Errorf("%s: ForceFlush: %v after %v", how, err, time.Since(begin))
			}
			wantStats(t, s, Stats{Ended: 5, Exported: 5})
			if got := s.Stats().Breaker; got != BreakerClosed {
				t.Errorf("%s: breaker %v", how, got)
			}
		})
	}
}

func TestRefusalForTheWholeFlushEndsItEarly(t *testing.T) {
	for budget, most := range map[time.Duration]time.Duration{
		2 * time.Second: minPersistence, 30 * time.Second: 7500 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			x := &fakeExporter{}
			goDown(x, "refuses")
			s := start(x, sized{})
			end(s, "a")
			begin := time.Now()
			if err := s.ForceFlush(within(t, budget)); !errors.Is(err, errDown) || !errors.Is(err, errEnough) {
				t.Errorf("ForceFlush: %v", err)
			}
			took, n := time.Since(begin), len(x.log())
			if took > most || took < most/4 || n < 4 {
				t.Errorf("with %v it took %v and %d requests; want at most %v", budget, took, n, most)
			}
		})
	}
}

func TestProbeIsOneRequestAndThenAllGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{wide: 4}
		release := x.hold()
		s := start(x, sized{batch: 1})
		end(s, "a", "b", "c", "d", "e", "f")
		_ = s.ForceFlush(within(t, time.Second))
		synctest.Wait()
		before, begin := len(x.log()), time.Now()
		var all sync.WaitGroup
		for range 5 { // together they make one probe
			all.Go(func() {
				if err := s.ForceFlush(within(t, time.Second)); err == nil || !strings.Contains(err.Error(), "no answer within 250ms") {
					t.Errorf("ForceFlush: %v", err)
				}
			})
		}
		all.Wait()
		if n, took := len(x.log())-before, time.Since(begin); n != 1 || took != 250*time.Millisecond {
			t.Errorf("%d requests in %v, want one in 250 ms", n, took)
		}
		err := s.ForceFlush(within(t, time.Second))
		if err == nil || !strings.Contains(err.Error(), "the backend is down, not tried for another 100ms") ||
			!strings.Contains(err.Error(), "6 kept") || s.Stats().Breaker != BreakerOpen {
			t.Errorf("ForceFlush: %v", err)
		}
		release()
		x.before = func() { time.Sleep(time.Millisecond) }
		time.Sleep(firstPause)
		begin = time.Now()
		if err := s.ForceFlush(within(t, time.Second)); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 3*time.Millisecond { // 1 alone, then 4 at once, then 1
			t.Errorf("took %v, want full width after the probe", took)
		}
		wantStats(t, s, Stats{Ended: 6, Exported: 6})
	})
}

func TestSlowBackendAndRefusalsForGoodLeaveItClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{before: func() { time.Sleep(1900 * time.Millisecond) }}
		s := start(x, sized{})
		for i := range 50 {
			if i%2 == 1 {
				x.answer(outcome{verdict: refused, err: errDown})
			}
			end(s, "a")
			if err := s.ForceFlush(within(t, 2*time.Second)); (err != nil) != (i%2 == 1) {
				t.Errorf("flush %d: %v", i, err)
			}
		}
		if n := len(x.log()); n != 50 {
			t.Errorf("%d requests, want 50", n)
		}
	})
}

// A throttled backend is left alone for as long as it wants, and then probed like another.
func TestRetryAfterOutlastsThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{script: []outcome{{verdict: retry, retryAfter: 10 * time.Second, err: errDown}}}
		s := start(x, sized{})
		end(s, "a")
		_ = s.ForceFlush(within(t, time.Second))
		time.Sleep(9 * time.Second)
		begin := time.Now()
		if err := s.ForceFlush(within(t, 2*time.Second)); !errors.Is(err, errDown) || time.Since(begin) != 0 {
			t.Errorf("ForceFlush: %v after %v", err, time.Since(begin))
		}
		time.Sleep(time.Second)
		if err := s.ForceFlush(within(t, 2*time.Second)); err != nil {
			t.Error(err)
		}
		wantCalls(t, x, "a", "a")
	})
}

// With the interval flush nobody waits, and the timer waits for the next probe.
func TestIntervalProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &fakeExporter{}
		release := x.hold()
		s := start(x, sized{interval: true, delay: 10 * time.Millisecond, timeout: time.Second})
		begin := time.Now()
		end(s, "a")
		time.Sleep(1500 * time.Millisecond)
		release()
		time.Sleep(time.Second)
		synctest.Wait()
		var at []time.Duration
		for _, when := range x.at {
			at = append(at, when.Sub(begin).Round(time.Millisecond))
		}
		// The export timeout and the delay; a look of 250 ms and a pause of 100; a look of 125 and a pause of 400.
		want := []time.Duration{10 * time.Millisecond, 1020 * time.Millisecond, 1370 * time.Millisecond, 1895 * time.Millisecond}
		if !slices.Equal(at, want) {
			t.Errorf("requests at %v, want %v", at, want)
		}
		wantStats(t, s, Stats{Ended: 1, Exported: 1})
	})
}

// Who fails at once costs nothing, and is tried at each flush: it may be well by then.
func TestForeignExporterThatFailsAtOnceIsTriedAgain(t *testing.T) {
	for _, times := range []int{1, 3, 10} {
		synctest.Test(t, func(t *testing.T) {
			x := &fakeExporter{}
			for range times {
				x.answer(outcome{verdict: keep, err: errDown})
			}
			s := start(x, sized{})
			end(s, "a")
			for i := range times {
				if err := s.ForceFlush(within(t, time.Second)); !errors.Is(err, errDown) || len(x.log()) != i+1 {
					t.Errorf("flush %d: %v, %d attempts", i, err, len(x.log()))
				}
			}
			if err := s.ForceFlush(within(t, time.Second)); err != nil {
				t.Errorf("ForceFlush: %v", err)
			}
			wantStats(t, s, Stats{Ended: 1, Exported: 1})
		})
	}
}

// Where a frozen environment's monotonic clock stands still, its wall clock goes on; what a backend has asked for is
// over by either.
func TestTimeInTheFreezerCounts(t *testing.T) {
	now := time.Now()
	for then, want := range map[time.Time]time.Duration{
		now.Add(time.Minute):                            time.Minute,
		now.Add(time.Minute).Round(0).Add(-time.Hour):   0, // compared by the wall clock
		now.Add(-time.Second):                           0,
		now.Round(0).Add(-time.Hour).Add(2 * time.Hour): time.Hour,
	} {
		if got := left(then, now); got != want {
			t.Errorf("left(%v) = %v, want %v", then, got, want)
		}
	}
}

// An answer that comes after a freeze says nothing about how long the backend takes.
func TestFreezeIsNoAnswerTime(t *testing.T) {
	l := start(&fakeExporter{}, sized{}).processor.loop
	l.answered(newRun(1, 1, time.Now().Add(2*time.Second)), time.Hour)
	if got := l.breaker.longest; got > 2*time.Second {
		t.Errorf("the breaker believes in answers after %v", got)
	}
}

// A backend that takes most of a flush delivers in each, whether it has been so from the beginning or becomes so. Only the
// flush that finds out may fail.
func TestSlowBackendDelivers(t *testing.T) {
	for _, warm := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			x := &fakeExporter{}
			s := start(x, sized{})
			if warm {
				for range 10 {
					end(s, "quick")
					_ = s.ForceFlush(within(t, 2*time.Second))
				}
			}
			x.before = func() { time.Sleep(1500 * time.Millisecond) }
			for i := range 100 {
				may := warm && i == 0
				end(s, "slow")
				if err := s.ForceFlush(within(t, 2*time.Second)); err != nil && !may {
					t.Errorf("warm %v, flush %d: %v", warm, i, err)
				}
				synctest.Wait()
				if got := s.Stats().Breaker; got != BreakerClosed && !may {
					t.Errorf("warm %v, flush %d: breaker %v", warm, i, got)
				}
				time.Sleep(time.Second)
			}
		})
	}
}
