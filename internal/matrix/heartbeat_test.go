package matrix

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
)

// What the agent promises, it promises to a process that runs: of the shutdown window it leaves a margin of 50 ms to the
// machine. A story that goes wrong on a machine which was later than busy in all with waking its processes proves
// nothing, and is told again.
const (
	beat     = 5 * time.Millisecond
	noticed  = 3 * time.Millisecond // less than this is no lateness
	busy     = 25 * time.Millisecond
	tellings = 5
)

// heartbeat is that of the test's own process, where platform and backend are.
var heartbeat pulse

// pulse is how late a process was woken, and when.
type pulse struct {
	mu   sync.Mutex
	late []lateness
}

type lateness struct {
	at time.Time
	by time.Duration
}

// run beats until ctx ends.
func (p *pulse) run(ctx context.Context) {
	for ctx.Err() == nil {
		if l := awaitBeat(); l.by > noticed {
			p.mu.Lock()
			p.late = append(p.late, l)
			p.mu.Unlock()
		}
	}
}

// between adds up the lateness from one time to another.
func (p *pulse) between(from, to time.Time) (sum time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.late {
		if l.at.After(from) && !l.at.After(to) {
			sum += l.by
		}
	}
	return sum
}

func awaitBeat() lateness {
	began := time.Now()
	time.Sleep(beat)
	now := time.Now()
	return lateness{now, now.Sub(began) - beat}
}

// lateWord is what a child says of its own lateness. A freeze counts: here it takes no longer than the test needs for a signal.
const lateWord = "late by "

// beatAloud is the heartbeat of a child.
func beatAloud() {
	for {
		if l := awaitBeat(); l.by > noticed {
			fmt.Fprintf(os.Stderr, "%s%s\n", lateWord, l.by)
		}
	}
}

// lateness is that of the test and of the story's processes, from one time to another.
func (c *cell) lateness(from, to time.Time) time.Duration {
	sum := heartbeat.between(from, to)
	for _, e := range c.log.Events() {
		text, ok := strings.CutPrefix(e.Detail, lateWord)
		if !ok || e.Kind != invariant.KindSaid || e.At.Before(from) || e.At.After(to) {
			continue
		}
		if d, err := time.ParseDuration(text); err == nil {
			sum += d
		}
	}
	return sum
}
