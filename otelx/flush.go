package otelx

import (
	"context"
	"errors"
	"fmt"
)

var errClosed = errors.New("the exporter is closed")

// flush delivers all that was accepted before the call, together with whoever else wants it.
func (l *loop) flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return l.interrupted(nil, err)
	}
	target := l.queue.mark()
	l.mu.Lock()
	before := l.runs
	l.mu.Unlock()
	var last *run
	var why error
	for definitive := false; !definitive && !l.queue.settled(target); {
		var r *run
		var joined, stale bool
		if r, joined, stale, why = l.attend(ctx); why != nil {
			break
		}
		err := r.wait(ctx)
		if joined {
			r.leave()
		}
		if errors.Is(err, errDeaf) {
			why = err
			break
		}
		if err != nil {
			return l.interrupted(r, err)
		}
		// A run that began before the call may lack some of its spans, and one that was given up before it, or with
		// less time than ctx has, says nothing about what can be done now.
		last, definitive = r, joined && !stale && r.number > before
	}
	return l.verdict(target, last, why)
}

// attend joins the run under way or begins one. joined is false if the run has been left by everybody and is only to be
// waited for; stale says that it had been given up. The error says why there is none and none may begin.
func (l *loop) attend(ctx context.Context) (r *run, joined, stale bool, err error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = l.patience()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	deadline = l.withinEnds(deadline)
	if l.run != nil {
		joined, stale = l.run.join(deadline, !l.interval), l.run.gaveUp()
		if joined && l.lastMoments() {
			l.widen(l.run) //nolint:contextcheck // the export has the context of all that wait for it, not of the first
		}
		return l.run, joined, stale, nil
	}
	if l.closing {
		return nil, false, false, errClosed
	}
	if err := l.down(); err != nil {
		return nil, false, false, err
	}
	l.disarm()
	r = l.begin(deadline)
	go l.execute(r) //nolint:contextcheck // the same
	return r, true, false, nil
}

// interrupted is the error of a caller whose own context has ended.
func (l *loop) interrupted(r *run, err error) error {
	pending := l.queue.account().Pending
	if r != nil {
		if last := r.failure(); last != nil {
			return fmt.Errorf("flush spans: %w; %d pending; last failure: %w", err, pending, last)
		}
	}
	return fmt.Errorf("flush spans: %w; %d pending", err, pending)
}

// verdict is the error of a caller who has seen the export to its end, or why there was none.
func (l *loop) verdict(target uint64, last *run, why error) error {
	drops := l.takeDropError()
	if l.queue.settled(target) {
		return drops
	}
	if why == nil {
		why = pick(last.failure(), errClosed)
	}
	return errors.Join(drops, fmt.Errorf("flush spans: %w; %d kept", why, l.queue.account().Pending))
}

// takeDropError returns a *DropError if spans were dropped since the last call.
func (l *loop) takeDropError() error {
	d := l.queue.takeDrops()
	if d.Total() == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &DropError{Dropped: d, Cause: l.dropCause}
	l.dropCause = nil
	return e
}
