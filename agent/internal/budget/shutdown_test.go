package budget

import (
	"testing"
	"time"
)

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
