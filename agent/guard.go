package agent

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// errStuck is the error of a call that did not return when its time was up, or that was not made because an earlier
// one still has not returned.
var errStuck = errors.New("did not return when its time was up")

// guard makes a Flusher safe to call: a panic is an error, and a call that ignores its context is left behind. While
// one that was left behind has not returned, ForceFlush fails at once, so that such calls do not pile up.
type guard struct {
	Flusher
	left atomic.Int32 // calls left behind that have not returned
}

// ForceFlush returns a straggle after ctx has ended at the latest.
func (g *guard) ForceFlush(ctx context.Context) error {
	if g.left.Load() > 0 {
		return fmt.Errorf("flush: an earlier call %w", errStuck)
	}
	return g.within(ctx, g.Flusher.ForceFlush)
}

// Shutdown returns a straggle after ctx has ended at the latest. It calls the Flusher's whatever its ForceFlush does:
// there is no later chance.
func (g *guard) Shutdown(ctx context.Context) error { return g.within(ctx, g.Flusher.Shutdown) }

// backlog returns at until at the latest. Something waits in a Flusher that can not tell, and one that fails to tell is
// to be flushed. It comes between the response and the freeze of each invocation, so it makes do without a context.
func (g *guard) backlog(until time.Time) (waiting int, urgent bool) {
	b, ok := g.Flusher.(Backlogger)
	switch {
	case !ok:
		return 1, false
	case g.left.Load() > 0:
		return 1, true
	}
	answers := make(chan answer, 1)
	go ask(b, answers)
	late := time.NewTimer(time.Until(until))
	defer late.Stop()
	select {
	case a := <-answers:
		return a.waiting, a.urgent
	case <-late.C:
	}
	g.left.Add(1)
	go func() { // ends when the call does
		<-answers
		g.left.Add(-1)
	}()
	return 1, true
}

// answer is a Backlogger's.
type answer struct {
	waiting int
	urgent  bool
}

// ask sends b's answer, or that it has to be flushed where it panics or ends the goroutine.
func ask(b Backlogger, answers chan<- answer) {
	a := answer{1, true}
	defer func() {
		_ = recover()
		answers <- a
	}()
	waiting, urgent := b.Backlog()
	a = answer{waiting, urgent}
}

// ExportOpen returns a straggle after ctx has ended at the latest, and does nothing where the Flusher has none.
func (g *guard) ExportOpen(ctx context.Context, root [8]byte, errorType, reason string) (int, error) {
	x, ok := g.Flusher.(OpenExporter)
	switch {
	case !ok:
		return 0, nil
	case g.left.Load() > 0:
		return 0, fmt.Errorf("export open spans: an earlier call %w", errStuck)
	}
	var sent atomic.Int64 // written to even after the call was left behind
	err := g.within(ctx, func(ctx context.Context) error {
		n, err := x.ExportOpen(ctx, root, errorType, reason)
		sent.Store(int64(n))
		return err
	})
	return int(sent.Load()), err
}

// WriteOut returns a straggle after ctx has ended at the latest, and does nothing where the Flusher has none. It calls the
// Flusher's whatever its ForceFlush does: there is no later chance.
func (g *guard) WriteOut(ctx context.Context) (int, error) {
	w, ok := g.Flusher.(OutWriter)
	if !ok {
		return 0, nil
	}
	var written atomic.Int64 // written to even after the call was left behind
	err := g.within(ctx, func(ctx context.Context) error {
		written.Store(int64(w.WriteOut(ctx)))
		return nil
	})
	return int(written.Load()), err
}

// within makes the call and, where it is left behind, keeps account of that until it returns.
func (g *guard) within(ctx context.Context, call func(context.Context) error) error {
	done := start(ctx, call)
	err := await(ctx, done)
	if errors.Is(err, errStuck) {
		g.left.Add(1)
		go func() { // ends when the call does
			for range done {
			}
			g.left.Add(-1)
		}()
	}
	return err
}

// start calls fn in a goroutine of its own, which is the only sender on the channel it returns, sends its error once,
// and closes it.
func start(ctx context.Context, fn func(context.Context) error) <-chan error {
	done := make(chan error, 1)
	go func() {
		defer close(done)
		err := errors.New("ended its goroutine") // by runtime.Goexit
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
			done <- err
		}()
		err = fn(ctx)
	}()
	return done
}

// await returns what comes from done, or errStuck when nothing has come a straggle after ctx has ended.
func await(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(straggle)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return errStuck
	}
}

// safely calls fn, which has no context to bound it by, and returns a panic in it as an error.
func safely(fn func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	fn()
	return nil
}
