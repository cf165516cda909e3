package agent

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Join makes one Flusher of several: traces, metrics and logs together. Nil ones are left out, so Join() flushes
// nothing, well.
//
// ForceFlush and Shutdown call all of them at once, return when the last has returned, and join their errors, so that
// one backend's trouble costs the others neither time nor data. A member that does not return when the context has
// ended is left behind, and while it has not returned its ForceFlush is not called again; a panic is an error.
//
// What the members implement of [Backlogger], [OpenEnder], [TypedOpenEnder], [OpenExporter], [IntervalSetter], [Hastener],
// [OutWriter] and [log/slog.LogValuer] the result does for all of them: Backlog (one for a member without), EndOpen, EndOpenAs (by EndOpen, of a member that has no
// other), ExportOpen and WriteOut (of all at once) return the sum, and LogValue is the value of the one member that has
// one, or a group of them by position, from 1.
func Join(flushers ...Flusher) Flusher { return join(flushers...) }

// joined are the members of a Join.
type joined []*guard

func join(flushers ...Flusher) joined {
	var all joined
	for _, f := range flushers {
		switch f := f.(type) {
		case nil:
		case joined:
			all = append(all, f...)
		default:
			all = append(all, &guard{Flusher: f})
		}
	}
	return all
}

func (j joined) ForceFlush(ctx context.Context) error {
	return j.each(func(g *guard) error { return g.ForceFlush(ctx) })
}

func (j joined) Shutdown(ctx context.Context) error {
	return j.each(func(g *guard) error { return g.Shutdown(ctx) })
}

// each calls do for all members at once.
func (j joined) each(do func(*guard) error) error {
	if len(j) == 1 {
		return do(j[0])
	}
	errs := make([]error, len(j))
	var all sync.WaitGroup
	for i, g := range j {
		all.Go(func() { errs[i] = do(g) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (j joined) Backlog() (waiting int, urgent bool) {
	return j.backlog(time.Now().Add(flushTimeout.standard))
}

// backlog is Backlog, and returns at until at the latest.
func (j joined) backlog(until time.Time) (waiting int, urgent bool) {
	for _, g := range j {
		n, u := g.backlog(until)
		waiting, urgent = waiting+n, urgent || u
	}
	return waiting, urgent
}

func (j joined) EndOpen(root [8]byte, reason string) int {
	sum, _ := j.endOpen(root, "", reason)
	return sum
}

func (j joined) EndOpenAs(root [8]byte, errorType, reason string) int {
	sum, _ := j.endOpen(root, errorType, reason)
	return sum
}

// endOpen is EndOpenAs, or EndOpen where errorType is empty, with the members' panics as an error.
func (j joined) endOpen(root [8]byte, errorType, reason string) (sum int, err error) {
	for _, g := range j {
		typed, isTyped := g.Flusher.(TypedOpenEnder)
		plain, isPlain := g.Flusher.(OpenEnder)
		switch {
		case isTyped && errorType != "":
			err = errors.Join(err, safely(func() { sum += typed.EndOpenAs(root, errorType, reason) }))
		case isPlain:
			err = errors.Join(err, safely(func() { sum += plain.EndOpen(root, reason) }))
		}
	}
	return sum, err
}

func (j joined) ExportOpen(ctx context.Context, root [8]byte, errorType, reason string) (int, error) {
	var sum atomic.Int64
	err := j.each(func(g *guard) error {
		n, err := g.ExportOpen(ctx, root, errorType, reason)
		sum.Add(int64(n))
		return err
	})
	return int(sum.Load()), err
}

func (j joined) WriteOut(ctx context.Context) int {
	sum, _ := j.writeOut(ctx)
	return sum
}

// writeOut is WriteOut with the members' panics as an error.
func (j joined) writeOut(ctx context.Context) (int, error) {
	var sum atomic.Int64
	err := j.each(func(g *guard) error {
		n, err := g.WriteOut(ctx)
		sum.Add(int64(n))
		return err
	})
	return int(sum.Load()), err
}

func (j joined) Hasten(until time.Time) { _ = j.hasten(until) }

// hasten is Hasten with the members' panics as an error.
func (j joined) hasten(until time.Time) (err error) {
	for _, g := range j {
		if h, ok := g.Flusher.(Hastener); ok {
			err = errors.Join(err, safely(func() { h.Hasten(until) }))
		}
	}
	return err
}

func (j joined) SetIntervalFlush(on bool) { _ = j.setIntervalFlush(on) }

// setIntervalFlush is SetIntervalFlush with the members' panics as an error.
func (j joined) setIntervalFlush(on bool) (err error) {
	for _, g := range j {
		if s, ok := g.Flusher.(IntervalSetter); ok {
			err = errors.Join(err, safely(func() { s.SetIntervalFlush(on) }))
		}
	}
	return err
}

func (j joined) LogValue() slog.Value {
	var values []slog.Attr
	for i, g := range j {
		if v, ok := g.Flusher.(slog.LogValuer); ok {
			value := slog.AnyValue(v).Resolve() // which recovers a panic
			values = append(values, slog.Attr{Key: strconv.Itoa(i + 1), Value: value})
		}
	}
	if len(values) == 1 {
		return values[0].Value
	}
	return slog.GroupValue(values...)
}
