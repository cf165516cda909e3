package eventlog_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func kind(k eventlog.Kind) func(eventlog.Event) bool {
	return func(e eventlog.Event) bool { return e.Kind == k }
}

// TestConcurrentAddsAreOrderedWithoutGaps adds from many goroutines: positions and times never go back.
func TestConcurrentAddsAreOrderedWithoutGaps(t *testing.T) {
	var log eventlog.Log
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				log.Add(eventlog.Event{Kind: "x"})
			}
		})
	}
	wg.Wait()
	events := log.Events()
	if len(events) != 800 {
		t.Fatalf("recorded %d events, want 800", len(events))
	}
	for i, e := range events {
		if e.Seq != i {
			t.Fatalf("event %d has Seq %d", i, e.Seq)
		}
		if i > 0 && e.At.Before(events[i-1].At) {
			t.Fatalf("event %d is earlier than the one before it", i)
		}
	}
}

func TestEventEarlierThanTheOneBeforeGetsItsTime(t *testing.T) {
	var log eventlog.Log
	first := log.Add(eventlog.Event{Kind: "a"})
	if second := log.Add(eventlog.Event{Kind: "b", At: first.At.Add(-time.Second)}); !second.At.Equal(first.At) {
		t.Errorf("the second event is %v earlier than the first", first.At.Sub(second.At))
	}
	log.Events()[0].Kind = "changed"
	if got := log.Events()[0].Kind; got != "a" {
		t.Errorf("a caller's change of the copy made the event %q", got)
	}
}

func TestTrimmedEventsAreGoneAndTheOthersKeepTheirSeq(t *testing.T) {
	var log eventlog.Log
	for _, k := range []eventlog.Kind{"a", "b", "c"} {
		log.Add(eventlog.Event{Kind: k})
	}
	log.Trim(2)
	log.Trim(1) // once more
	if e := log.Add(eventlog.Event{Kind: "d"}); e.Seq != 3 {
		t.Errorf("the fourth event has Seq %d", e.Seq)
	}
	for seq, want := range []int{2, 2, 2, 1, 0, 0} {
		if got := log.Since(seq); len(got) != want {
			t.Errorf("Since(%d) has %d events, want %d", seq, len(got), want)
		}
	}
	log.Trim(9)
	if e := log.Add(eventlog.Event{Kind: "e"}); e.Seq != 4 || len(log.Events()) != 1 {
		t.Errorf("the fifth event has Seq %d of %d events", e.Seq, len(log.Events()))
	}
}

func TestWaitReturnsTheFirstEventFromSeqOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log eventlog.Log
		log.Add(eventlog.Event{Kind: "b"})
		go func() {
			time.Sleep(time.Hour)
			log.Trim(1) // a waiter is not confused by a log that gets shorter
			log.Add(eventlog.Event{Kind: "a"})
			time.Sleep(time.Hour)
			log.Add(eventlog.Event{Kind: "b"})
		}()
		start := time.Now()
		for seq, want := range []time.Duration{0, 2 * time.Hour} {
			if e, err := log.Wait(t.Context(), seq, kind("b")); err != nil || e.Seq != 2*seq || time.Since(start) != want {
				t.Errorf("Wait from %d = %v, %v after %v, want %v", seq, e, err, time.Since(start), want)
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		cancel(enough)
		if _, err := log.Wait(ctx, 3, kind("a")); !errors.Is(err, enough) {
			t.Errorf("Wait = %v, want the context's cause", err)
		}
	})
}

func TestString(t *testing.T) {
	var log eventlog.Log
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	log.Add(eventlog.Event{At: start, Kind: "a", RequestID: "r1"})
	log.Add(eventlog.Event{At: start.Add(1500 * time.Microsecond), Kind: "b", Who: "ext", Count: 3, Duration: time.Second})
	want := []string{"0           0s a request=r1", "1        1.5ms b who=ext count=3 took=1s"}
	for i, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
		if got := strings.TrimSpace(line); got != want[i] {
			t.Errorf("line %d is %q, want %q", i, got, want[i])
		}
	}
}
