package otelx

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var errExportTimeout = errors.New("the export took longer than OTEL_BSP_EXPORT_TIMEOUT")

// attempt returns the context for delivering one batch: it ends with the run or after limit (0: no limit), and shows
// the deadline of those who are interested when it is asked.
func (r *run) attempt(limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		ctx, cancel := context.WithCancel(r.ctx)
		return shownDeadline{ctx, r}, cancel
	}
	ctx, cancel := context.WithTimeoutCause(r.ctx, limit, errExportTimeout)
	return shownDeadline{ctx, r}, cancel
}

// watch returns the context for one request: it ends after look (0: no limit), unless the run is final by then.
func (r *run) watch(ctx context.Context, look time.Duration) (context.Context, context.CancelFunc) {
	if look <= 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(look, func() {
		if !r.isFinal() {
			cancel(fmt.Errorf("no answer within %s", look.Round(time.Millisecond)))
		}
	})
	return ctx, func() { timer.Stop(); cancel(nil) }
}

// shownDeadline shows a deadline that may still move, and so is not what ends it: the last to leave the run does that.
// A timer derived from it in the usual way would rely on that deadline where it is the earlier one; those of ours do
// not.
type shownDeadline struct {
	context.Context
	run *run
}

func (d shownDeadline) Deadline() (time.Time, bool) {
	at, ok := d.Context.Deadline()
	if until := d.run.until(); !until.IsZero() && (!ok || until.Before(at)) {
		return until, true
	}
	return at, ok
}

// sleep waits for d, or until a shutdown joins that has less time than the next attempt was to wait.
func (r *run) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	final := r.final
	if r.isFinal() {
		final = nil
	}
	select {
	case <-t.C:
		return nil
	case <-final:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
