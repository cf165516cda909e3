package handler

import (
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/clocktest"
)

// TestInitializationBeforeAFreeze asserts that an environment that was frozen after its initialisation counts as made
// ahead of time, whichever clock has stood still since.
func TestInitializationBeforeAFreeze(t *testing.T) {
	for name, c := range map[string]struct {
		wall, mono time.Duration
		kind       string
	}{
		"no freeze":                       {0, 0, onDemand},
		"the monotonic clock stood still": {time.Hour, 0, proactive},
		"the wall clock stood still":      {0, time.Hour, proactive},
	} {
		i := initialization{kind: onDemand, ended: clocktest.Moved(t, time.Now(), -c.wall, -c.mono)}
		if got := i.arrive(); got.kind != c.kind || got.cold != (c.kind == onDemand) || !got.first {
			t.Errorf("%s: %+v, want %s", name, got, c.kind)
		}
	}
}
