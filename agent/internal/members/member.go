package members

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/counts"
)

// member is a Flusher that the agent calls safely: a panic is an error, and a call that outlasts its context is
// abandoned.
type member struct {
	name     string
	flusher  Flusher
	pipeline Pipeline // nil if the Flusher is none

	// Abandoned calls that have not returned: of ForceFlush, Shutdown, Pending and SpillPending, and of EndOpenSpans.
	flushHangs, endHangs atomic.Int32

	timeouts atomic.Int32 // of ForceFlush, in a row
}

func newMember(name string, f Flusher) *member {
	if name == "" {
		name = fmt.Sprintf("%T", f)
	}
	m := &member{name: name, flusher: f}
	m.pipeline, _ = f.(Pipeline)
	return m
}

// counted calls fn and returns budget.CallGrace after ctx has ended at the latest. It counts the call in hangs if it was
// abandoned, until it returns.
func counted[T any](ctx context.Context, hangs *atomic.Int32, fn func(context.Context) (T, error)) (T, error) {
	returned := make(chan struct{})
	value, err := bounded.Call(ctx, budget.CallGrace, func(ctx context.Context) (T, error) {
		defer close(returned)
		return fn(ctx)
	})
	if err == bounded.ErrNotReturned { //nolint:errorlint // the methods of the member's own errors are foreign code
		hangs.Add(1)
		go func() { // ends with the call
			<-returned
			hangs.Add(-1)
		}()
	}
	return value, err
}

// flushing is counted for the methods of Flusher.
func (m *member) flushing(ctx context.Context, fn func(context.Context) error) error {
	_, err := counted(ctx, &m.flushHangs, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) })
	return err
}

// forceFlush fails immediately while an earlier call hangs, so that such calls do not pile up.
func (m *member) forceFlush(ctx context.Context) (err error) {
	defer func() { m.recordTimeout(ctx, err) }()
	if m.flushHangs.Load() > 0 {
		return bounded.ErrStillRunning
	}
	return m.flushing(ctx, m.flusher.ForceFlush)
}

// recordTimeout counts the timeouts in a row. Once there are slowAfter of them, only a success ends the row.
func (m *member) recordTimeout(ctx context.Context, err error) {
	timedOut := errors.Is(ctx.Err(), context.DeadlineExceeded) || isNotReturned(err)
	switch {
	case err == nil:
		m.timeouts.Store(0)
	case timedOut:
		m.timeouts.Add(1)
	case !m.isSlow():
		m.timeouts.Store(0)
	}
}

// isSlow reports whether the member has timed out too often to get its full share of a flush.
func (m *member) isSlow() bool { return m.timeouts.Load() >= slowAfter }

// shutdown calls Shutdown even while another call hangs: there is no later chance.
func (m *member) shutdown(ctx context.Context) error { return m.flushing(ctx, m.flusher.Shutdown) }

// pendingItems is the answer of a Pipeline's Pending.
type pendingItems struct {
	n        int
	flushNow bool
}

// pending returns one item for a Flusher that is no Pipeline. If a Pipeline's Pending fails, it returns one item and
// flushNow.
func (m *member) pending(ctx context.Context) pendingItems {
	switch {
	case m.pipeline == nil:
		return pendingItems{n: 1}
	case m.flushHangs.Load() > 0:
		return pendingItems{n: 1, flushNow: true}
	}
	p, err := counted(ctx, &m.flushHangs, func(context.Context) (pendingItems, error) {
		n, flushNow := m.pipeline.Pending()
		return pendingItems{n, flushNow}, nil
	})
	if err != nil {
		return pendingItems{n: 1, flushNow: true}
	}
	return p
}

func (m *member) setBackgroundExport(ctx context.Context, on bool) error {
	if m.pipeline == nil {
		return nil
	}
	return bounded.Run(ctx, budget.CallGrace, func(context.Context) { m.pipeline.SetBackgroundExport(on) })
}

func (m *member) setExitDeadline(ctx context.Context, t time.Time) error {
	if m.pipeline == nil {
		return nil
	}
	return bounded.Run(ctx, budget.CallGrace, func(context.Context) { m.pipeline.SetExitDeadline(t) })
}

func (m *member) endOpenSpans(ctx context.Context, roots [][8]byte, errorType, reason string) (int, error) {
	switch {
	case m.pipeline == nil:
		return 0, nil
	case m.endHangs.Load() > 0:
		return 0, bounded.ErrStillRunning
	}
	return counted(ctx, &m.endHangs, func(context.Context) (int, error) {
		return m.pipeline.EndOpenSpans(roots, errorType, reason), nil
	})
}

func (m *member) spillPending(ctx context.Context) (int, error) {
	if m.pipeline == nil {
		return 0, nil
	}
	return counted(ctx, &m.flushHangs, func(ctx context.Context) (int, error) { return m.pipeline.SpillPending(ctx), nil })
}

func (m *member) counts(ctx context.Context) ([]counts.Signal, error) {
	if m.pipeline == nil {
		return nil, nil
	}
	return bounded.Call(ctx, budget.CallGrace, func(context.Context) ([]counts.Signal, error) { return m.pipeline.Counts(), nil })
}

// missingMethods returns the methods of Pipeline that f lacks, if it has others of them; empty otherwise.
func missingMethods(f Flusher) string {
	has := map[string]bool{}
	_, has["Pending"] = f.(interface{ Pending() (int, bool) })
	_, has["SetBackgroundExport"] = f.(interface{ SetBackgroundExport(on bool) })
	_, has["EndOpenSpans"] = f.(interface {
		EndOpenSpans(roots [][8]byte, errorType, reason string) int
	})
	_, has["SetExitDeadline"] = f.(interface{ SetExitDeadline(t time.Time) })
	_, has["SpillPending"] = f.(interface{ SpillPending(ctx context.Context) int })
	_, has["Counts"] = f.(interface{ Counts() []counts.Signal })
	var missing []string
	for _, name := range [...]string{
		"Pending", "SetBackgroundExport", "EndOpenSpans", "SetExitDeadline", "SpillPending", "Counts",
	} {
		if !has[name] {
			missing = append(missing, name)
		}
	}
	if len(missing) == len(has) {
		return ""
	}
	return strings.Join(missing, ", ")
}
