package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// fakeFlusher records its calls, and a test can hold each of them.
type fakeFlusher struct {
	log     *eventlog.Log
	onFlush func(ctx context.Context, call int) error // nil: all well; calls count from 1
	onEnd   func(root [8]byte)
	onOpen  func(ctx context.Context) error // of ExportOpen, which exports two spans; nil: all well
	onClose func(ctx context.Context) error
	counts  []slog.Attr

	onHasten func()
	onWrite  func(ctx context.Context) int // nil: nothing is pending

	mu      sync.Mutex
	calls   int
	running int // calls of ForceFlush now
	worst   int // most of them at once
}

func (f *fakeFlusher) ForceFlush(ctx context.Context) (err error) {
	f.mu.Lock()
	f.calls++
	call := f.calls
	f.running++
	f.worst = max(f.worst, f.running)
	f.mu.Unlock()
	f.log.Add(eventlog.Event{Kind: flushBegun, Count: call, Duration: left(ctx)})
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.running--
		f.log.Add(eventlog.Event{Kind: flushEnded, Count: call, Detail: fmt.Sprint(err)})
	}()
	if f.onFlush == nil {
		return nil
	}
	return f.onFlush(ctx, call)
}

func (f *fakeFlusher) Shutdown(ctx context.Context) error {
	f.log.Add(eventlog.Event{Kind: shutdownBegun, Duration: left(ctx)})
	defer f.log.Add(eventlog.Event{Kind: shutdownEnded})
	if f.onClose == nil {
		return nil
	}
	return f.onClose(ctx)
}

func (f *fakeFlusher) EndOpen(root [8]byte, reason string) int {
	who := string(bytes.TrimRight(root[:], "\x00"))
	f.log.Add(eventlog.Event{Kind: openEnded, Who: who, Detail: reason})
	if f.onEnd != nil {
		f.onEnd(root)
	}
	return 1
}

func (f *fakeFlusher) EndOpenAs(root [8]byte, errorType, reason string) int {
	return f.EndOpen(root, "["+errorType+"] "+reason)
}

func (f *fakeFlusher) ExportOpen(ctx context.Context, root [8]byte, errorType, reason string) (n int, err error) {
	who := string(bytes.TrimRight(root[:], "\x00"))
	f.log.Add(eventlog.Event{Kind: exportBegun, Who: who, Detail: "[" + errorType + "] " + reason, Duration: left(ctx)})
	defer func() { f.log.Add(eventlog.Event{Kind: exportEnded, Who: who, Detail: fmt.Sprint(err)}) }()
	if f.onOpen != nil {
		err = f.onOpen(ctx)
	}
	if err != nil {
		return 0, err
	}
	return 2, nil
}

func (f *fakeFlusher) Hasten(until time.Time) {
	f.log.Add(eventlog.Event{Kind: hastened, Duration: time.Until(until)})
	if f.onHasten != nil {
		f.onHasten()
	}
}

func (f *fakeFlusher) WriteOut(ctx context.Context) int {
	f.log.Add(eventlog.Event{Kind: writtenOut, Duration: left(ctx)})
	if f.onWrite != nil {
		return f.onWrite(ctx)
	}
	return 0
}

func (f *fakeFlusher) SetIntervalFlush(on bool) {
	f.log.Add(eventlog.Event{Kind: intervalSet, Detail: strconv.FormatBool(on)})
}

func (f *fakeFlusher) LogValue() slog.Value { return slog.GroupValue(f.counts...) }

// backlogFlusher is a fakeFlusher that tells what waits.
type backlogFlusher struct {
	*fakeFlusher
	backlog func() (waiting int, urgent bool)
}

func (f backlogFlusher) Backlog() (waiting int, urgent bool) { return f.backlog() }

// overlaps is the most calls of ForceFlush at once.
func (f *fakeFlusher) overlaps() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.worst
}

// left is the time until the context's deadline.
func left(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return time.Until(deadline)
}

// taking is an onFlush that takes d, or until its context ends.
func taking(d time.Duration) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error { return pause(ctx, d) }
}

// pause lets d pass and returns nil, or the context's error where that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
