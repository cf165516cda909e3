package matrix

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// The agent's promises hold for a process that runs: of the shutdown window it leaves a margin of 50 ms to the machine. A
// cell that fails on a machine that woke its processes later than tooBusy in all proves nothing, and runs again.
const (
	wakeEvery = 5 * time.Millisecond
	noticed   = 3 * time.Millisecond // less is no delay
	tooBusy   = 25 * time.Millisecond
	mostRuns  = 5

	delayLine = "delayed by " // of a child; a freeze counts too, which is no longer than the test takes for a signal
)

// delay is how late a process was woken, and when.
type delay struct {
	at time.Time
	by time.Duration
}

func nextDelay() delay {
	began := time.Now()
	time.Sleep(wakeEvery)
	now := time.Now()
	return delay{now, now.Sub(began) - wakeEvery}
}

// logDelays writes those of a child to its standard error.
func logDelays(p harness.Process) {
	for {
		if d := nextDelay(); d.by > noticed {
			fmt.Fprintf(p.Stderr, "%s%s\n", delayLine, d.by)
		}
	}
}

// delays are those of the test's own process, which runs platform and backend.
var delays struct {
	mu  sync.Mutex
	all []delay
}

func recordDelays(ctx context.Context) {
	for ctx.Err() == nil {
		if d := nextDelay(); d.by > noticed {
			delays.mu.Lock()
			delays.all = append(delays.all, d)
			delays.mu.Unlock()
		}
	}
}

// delayed is the sum of the delays of the test and of the cell's processes, from one time to another.
func (c *cell) delayed(from, to time.Time) (sum time.Duration) {
	delays.mu.Lock()
	for _, d := range delays.all {
		if d.at.After(from) && !d.at.After(to) {
			sum += d.by
		}
	}
	delays.mu.Unlock()
	for _, e := range c.Log.Events() {
		text, ok := strings.CutPrefix(e.Detail, delayLine)
		if !ok || e.Kind != harness.KindLine || e.At.Before(from) || e.At.After(to) {
			continue
		}
		if d, err := time.ParseDuration(text); err == nil {
			sum += d
		}
	}
	return sum
}
