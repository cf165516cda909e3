// Package eventlog is an ordered, timestamped record of events, as the oracle of tests. The emulated environment, its
// processes and the OTLP receiver write to one Log. So a test can compare their order: the response before the export, and
// the freeze after it.
package eventlog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is the kind of an event. The packages that write to a Log declare their kinds as constants of this type.
type Kind string

// Event is one event. The zero value of a field means that it does not apply.
type Event struct {
	Seq       int           // position in the log, from 0 without gaps, with trimmed events
	At        time.Time     // when; never before the event of a smaller Seq
	Kind      Kind          // what
	RequestID string        // of its invocation
	Who       string        // the party it concerns: an extension's name, a connection
	Detail    string        // a text for readers
	Count     int           // its number: a status code, a count of spans, bytes
	Duration  time.Duration // if it has one
}

// String renders e on one line without its time.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString(string(e.Kind))
	for _, part := range []struct{ key, value string }{
		{"request", e.RequestID}, {"who", e.Who}, {"detail", e.Detail},
	} {
		if part.value != "" {
			fmt.Fprintf(&b, " %s=%s", part.key, part.value)
		}
	}
	if e.Count != 0 {
		fmt.Fprintf(&b, " count=%d", e.Count)
	}
	if e.Duration != 0 {
		fmt.Fprintf(&b, " took=%s", e.Duration)
	}
	return b.String()
}

// Log is an ordered record of events. It is safe for concurrent use; the zero value is empty and ready.
type Log struct {
	mu      sync.Mutex
	events  []Event
	first   int           // Seq of events[0]: so many have been forgotten
	changed chan struct{} // closed and forgotten at each Add; nil without a waiter
}

// Add appends e and returns it as recorded: with its Seq, and with an At that is now if it was zero, and that of the
// event before if it was earlier.
func (l *Log) Add(e Event) Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq = l.first + len(l.events)
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if n := len(l.events); n > 0 && e.At.Before(l.events[n-1].At) {
		e.At = l.events[n-1].At
	}
	l.events = append(l.events, e)
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return e
}

// Events returns a copy of the recorded events that have not been trimmed, in order.
func (l *Log) Events() []Event { return l.Since(0) }

// Since returns a copy of the events from seq on, as far as they have not been forgotten.
func (l *Log) Since(seq int) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events[l.index(seq):])
}

// Trim drops the events before seq, so that a log can go on for as long as one likes. Those that are left, and
// those that come, have the Seq that they would have had.
func (l *Log) Trim(seq int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.index(seq)
	l.events = slices.Delete(l.events, 0, n)
	l.first += n
}

// index returns where in events the one with seq is or, forgotten or not yet recorded, the one nearest to it would be.
func (l *Log) index(seq int) int { return min(max(seq-l.first, 0), len(l.events)) }

// Wait returns the first event, from seq on, for which match is true; it blocks until there is one or ctx ends.
func (l *Log) Wait(ctx context.Context, seq int, match func(Event) bool) (Event, error) {
	for {
		l.mu.Lock()
		for _, e := range l.events[l.index(seq):] {
			seq = e.Seq + 1
			if match(e) {
				l.mu.Unlock()
				return e, nil
			}
		}
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Event{}, fmt.Errorf("wait for event: %w", context.Cause(ctx))
		}
	}
}

// String renders what Events returns, a line an event, with times relative to the first.
func (l *Log) String() string {
	var b strings.Builder
	events := l.Events()
	for _, e := range events {
		fmt.Fprintf(&b, "%4d %12s %s\n", e.Seq, e.At.Sub(events[0].At).Round(time.Microsecond), e)
	}
	return b.String()
}
