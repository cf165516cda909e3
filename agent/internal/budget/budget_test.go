package budget

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFlushBudget(t *testing.T) {
	const ms = time.Millisecond
	normal := Budget{FlushTimeout: 2 * time.Second, Margin: 50 * ms}
	for _, tt := range []struct {
		name string
		b    Budget
		left time.Duration // until the deadline; zero: no deadline is known
		want time.Duration
	}{
		{"no deadline: the flush timeout", normal, 0, 2 * time.Second},
		{"far deadline: the flush timeout", normal, 15 * time.Minute, 2 * time.Second},
		{"the timeout and the margin fit exactly", normal, 2050 * ms, 2 * time.Second},
		{"a margin before the deadline", normal, 2049 * ms, 1999 * ms},
		{"milliseconds are not cut off", normal, 1234567 * time.Microsecond, 1184567 * time.Microsecond},
		{"no margin", Budget{FlushTimeout: time.Second}, 300 * ms, 300 * ms},
		{"in the margin: the least", normal, 60 * ms, leastFlush},
		{"in the margin: half of the rest", normal, 30 * ms, 15 * ms},
		{"a moment before the deadline", normal, 2 * ms, 1 * ms},
		{"past the deadline: time for a slow answer", normal, -5 * time.Second, exitStepTimeout},
		{"past the deadline: at most the flush timeout", Budget{FlushTimeout: 5 * ms, Margin: 50 * ms}, -1 * ms, 5 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Unix(1_700_000_000, 0)
			var deadline time.Time
			if tt.left != 0 {
				deadline = now.Add(tt.left)
			}
			if got := tt.b.FlushEnd(now, deadline).Sub(now); got != tt.want {
				t.Errorf("flush may take %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSpillHasATimeoutOfItsOwn(t *testing.T) {
	const ms = time.Millisecond
	now := time.Unix(1_700_000_000, 0)
	b := Budget{FlushTimeout: 5 * ms, Margin: 50 * ms}
	for left, want := range map[time.Duration]time.Duration{time.Minute: exitStepTimeout, 200 * ms: 150 * ms, 50 * ms: leastFlush, 10 * ms: 5 * ms, -ms: exitStepTimeout} {
		if got := b.ExitStepEnd(now, now.Add(left)).Sub(now); got != want {
			t.Errorf("%v before the deadline: %v, want %v", left, got, want)
		}
	}
	if got := b.ExitStepEnd(now, time.Time{}).Sub(now); got != exitStepTimeout {
		t.Errorf("no deadline: %v", got)
	}
}

func TestFlushBudgetNeverPassesADeadlineAhead(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := Budget{FlushTimeout: 2 * time.Second, Margin: 50 * time.Millisecond}
	for left := time.Millisecond; left < 3*time.Second; left += time.Millisecond {
		deadline := now.Add(left)
		if end := b.FlushEnd(now, deadline); !end.Before(deadline) || !end.After(now) {
			t.Fatalf("%v before the deadline the flush gets %v", left, end.Sub(now))
		}
	}
}

func TestPreTimeoutBudget(t *testing.T) {
	const ms = time.Millisecond
	now := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		lead, left, lastFlush time.Duration
		flush, end            time.Duration // after now; zero: never
	}{
		{lead: 200 * ms, left: 3 * time.Second, flush: 2800 * ms, end: 2850 * ms},
		{lead: 200 * ms, left: 3 * time.Second, lastFlush: ms, flush: 2800 * ms, end: 2900 * ms},
		{lead: 200 * ms, left: 3 * time.Second, lastFlush: 60 * ms, flush: 2800 * ms, end: 2830 * ms},
		{lead: 200 * ms, left: 3 * time.Second, lastFlush: time.Minute, flush: 2800 * ms, end: 2750 * ms},
		{lead: 200 * ms, left: 400 * ms, flush: 200 * ms, end: 250 * ms},
		{lead: 200 * ms, left: 280 * ms, flush: 140 * ms, end: 140 * ms},
		{lead: 200 * ms, left: 2 * ms, flush: ms, end: ms},
		{lead: time.Minute, left: time.Minute, flush: 30 * time.Second, end: time.Minute - 150*ms},
		{lead: 200 * ms, left: 0},
		{lead: 200 * ms, left: -time.Second},
		{lead: 0, left: 3 * time.Second},
	} {
		b := Budget{Margin: 50 * ms, PreTimeoutFlush: tt.lead}
		flush, end := b.PreTimeout(now, now.Add(tt.left), tt.lastFlush)
		if tt.flush == 0 {
			if !flush.IsZero() || !end.IsZero() {
				t.Errorf("%v before the end of %v: at %v and %v, want never", tt.lead, tt.left, flush, end)
			}
			continue
		}
		if flush.Sub(now) != tt.flush || end.Sub(now) != tt.end {
			t.Errorf("%v before the end of %v, after a flush of %v: flush at %v, end of spans at %v, want %v and %v",
				tt.lead, tt.left, tt.lastFlush, flush.Sub(now), end.Sub(now), tt.flush, tt.end)
		}
	}
	if flush, _ := (Budget{PreTimeoutFlush: time.Second}).PreTimeout(now, time.Time{}, 0); !flush.IsZero() {
		t.Error("an unknown deadline has an alarm")
	}
}

func TestShutdownWindow(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name   string
		b      Budget
		shared bool
		want   time.Duration
	}{
		{"alone", Budget{Margin: 50 * ms}, false, 450 * ms},
		{"with external extensions", Budget{Margin: 50 * ms}, true, 250 * ms},
		{"no margin", Budget{}, false, 500 * ms},
		{"a margin longer than the window takes half of it", Budget{Margin: 10 * time.Second}, false, 250 * ms},
		{"a budget of its own is used as it is", Budget{Margin: 50 * ms, Shutdown: 1200 * ms}, true, 1200 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Unix(1_700_000_000, 0)
			p := tt.b.PlanShutdown(now, tt.shared)
			if p.Window != tt.want || p.End.Sub(now) != tt.want {
				t.Errorf("window %v ending after %v, want %v", p.Window, p.End.Sub(now), tt.want)
			}
		})
	}
}

func TestShutdownPartsFollowEachOther(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	const least, most = 50 * time.Millisecond, 10 * time.Second // of EPILOGUE_SHUTDOWN_BUDGET
	for window := least; window <= most; window += 10 * time.Millisecond {
		p := Budget{Shutdown: window}.PlanShutdown(now, false)
		parts := []time.Time{now, p.Hooks, p.Flush, p.Shutdown, p.End}
		for i := range parts[1:] {
			if !parts[i+1].After(parts[i]) {
				t.Fatalf("window %v: part %d ends at %v, the one before at %v", window, i+1, parts[i+1].Sub(now), parts[i].Sub(now))
			}
		}
	}
}
