package agent

import (
	"context"
	"log/slog"
	"time"
)

// timeoutType is the error.type of spans that a timeout has ended, or is about to (OpenTelemetry semantic conventions,
// error.type; there is no attribute of its own for the timeout of a function).
const timeoutType = "timeout"

// alarms wake the agent shortly before the deadlines of invocations in flight. Timers are used again, so that a warm
// invocation costs no memory. None is set between invocations, so none goes off at a thaw. The mutex of the invocations
// guards them. The zero value sets none.
type alarms struct {
	after func(now, deadline time.Time) (time.Duration, bool) // when, and whether at all; nil: never
	ring  func(*invocation)                                   // called in a goroutine of its own
	idle  []*alarm                                            // not set; as many as were at the same time, at most
}

// alarm is a timer for one invocation at a time.
type alarm struct {
	timer *time.Timer
	inv   *invocation // changes only while the timer is not set
}

// set sets the alarm of an invocation that begins.
func (s *alarms) set(inv *invocation) {
	if s.after == nil {
		return
	}
	after, ok := s.after(time.Now(), inv.deadline)
	if !ok {
		return
	}
	if n := len(s.idle); n > 0 {
		inv.alarm, s.idle = s.idle[n-1], s.idle[:n-1]
		inv.alarm.inv = inv
		inv.alarm.timer.Reset(after)
		return
	}
	al := &alarm{inv: inv}
	al.timer = time.AfterFunc(after, func() { s.ring(al.inv) })
	inv.alarm = al
}

// clear takes the alarm of an invocation back. One that has gone off is not used again.
func (s *alarms) clear(inv *invocation) {
	al := inv.alarm
	inv.alarm = nil
	if al != nil && al.timer.Stop() {
		al.inv = nil
		s.idle = append(s.idle, al)
	}
}

// guardTimeout is called shortly before the deadline of an invocation that has not ended: it flushes what has ended,
// and where nobody will be able to end what is still open, exports copies of that. It does not wait for the flush.
//
// All of it is one flight. So it is never beside another flush, and what holds the environment for the invocation, or
// flushes at its end, waits for it before anything can freeze. A shutdown under way flushes by itself.
func (a *Agent) guardTimeout(inv *invocation) {
	if inv.hasEnded() || a.isDraining() || a.life.Err() != nil {
		return
	}
	now, deadline := time.Now(), a.invocations.deadlineOf(inv.id)
	var beside []func(context.Context)
	if a.exportsOpen() {
		beside = append(beside, func(ctx context.Context) { a.exportOpen(ctx, inv) })
	}
	if a.flights.board(a.settings.budget.flush(now, deadline), beside...) == nil {
		return
	}
	a.counters.timeoutGuards.Add(1)
	a.log.sayRarely(info, "agent: an invocation is about to time out",
		slog.String("requestId", inv.id), slog.Duration("left", deadline.Sub(now).Round(time.Millisecond)))
}

// exportsOpen reports whether the guard exports open spans: by option, and where the platform knows no extension, so
// that it kills the process at the deadline without SIGTERM.
func (a *Agent) exportsOpen() bool {
	return a.settings.provisional || isClosed(a.unregistered) && !a.process.hasExternalExtensions()
}

// exportOpen exports copies of the open spans of inv. It stops when inv ends, and when a shutdown begins: from then on
// the spans themselves arrive.
func (a *Agent) exportOpen(ctx context.Context, inv *invocation) {
	root := a.invocations.rootOf(inv.id)
	if root == [8]byte{} || inv.hasEnded() { // a zero root would stand for all spans
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-inv.ended:
		case <-a.draining:
		case <-ctx.Done():
		}
	}()
	n, err := a.flusher.ExportOpen(ctx, root, timeoutType, "the invocation is about to time out")
	a.counters.provisionalSpans.Add(int64(n))
	if err != nil && !inv.hasEnded() && !a.isDraining() {
		a.counters.provisionalErrors.Add(1)
		a.log.sayRarely(warn, "agent: export of open spans failed", slog.Any("error", err))
	}
}
