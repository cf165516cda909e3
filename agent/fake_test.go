package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// fakeFlusher is a Pipeline that records its calls, and a test can hold each of them.
type fakeFlusher struct {
	log        *eventlog.Log
	onFlush    func(ctx context.Context, call int) error // nil: success; calls count from 1
	onPending  func() (n int, flushNow bool)             // nil: one item waits
	onEnd      func(roots [][8]byte)                     // of EndOpenSpans, which ends a span for each root
	onDeadline func()
	onSpill    func(ctx context.Context) int // nil: nothing is pending
	onClose    func(ctx context.Context) error
	counts     []agent.SignalCounts

	mu      sync.Mutex
	calls   int
	running int // calls of Flush and ForceFlush now
	worst   int // most of them at once
}

func (f *fakeFlusher) ForceFlush(ctx context.Context) (err error) { return f.flush(ctx, "forced") }

func (f *fakeFlusher) Flush(ctx context.Context) (err error) { return f.flush(ctx, "") }

func (f *fakeFlusher) flush(ctx context.Context, who string) (err error) {
	f.mu.Lock()
	f.calls++
	call := f.calls
	f.running++
	f.worst = max(f.worst, f.running)
	f.mu.Unlock()
	f.log.Add(eventlog.Event{Kind: flushBegun, Who: who, Count: call, Duration: left(ctx)})
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

func (f *fakeFlusher) Pending() (n int, flushNow bool) {
	if f.onPending == nil {
		return 1, false
	}
	return f.onPending()
}

func (f *fakeFlusher) EndOpenSpans(roots [][8]byte, errorType, reason string) int {
	detail := reason
	if errorType != "" {
		detail = "[" + errorType + "] " + reason
	}
	names := make([]string, 0, len(roots))
	for _, root := range roots {
		names = append(names, strings.TrimRight(string(root[:]), "\x00"))
	}
	slices.Sort(names) // their order says nothing
	f.log.Add(eventlog.Event{Kind: openEnded, Who: strings.Join(names, " "), Detail: detail})
	if f.onEnd != nil {
		f.onEnd(roots)
	}
	return max(1, len(roots))
}

func (f *fakeFlusher) SetExitDeadline(t time.Time) {
	if t.IsZero() {
		f.log.Add(eventlog.Event{Kind: deadlineCleared})
		return
	}
	f.log.Add(eventlog.Event{Kind: deadlineSet, Duration: time.Until(t)})
	if f.onDeadline != nil {
		f.onDeadline()
	}
}

func (f *fakeFlusher) SpillPending(ctx context.Context) int {
	f.log.Add(eventlog.Event{Kind: spilled, Duration: left(ctx)})
	if f.onSpill != nil {
		return f.onSpill(ctx)
	}
	return 0
}

func (f *fakeFlusher) SetBackgroundExport(on bool) {
	f.log.Add(eventlog.Event{Kind: backgroundSet, Detail: strconv.FormatBool(on)})
}

func (f *fakeFlusher) Counts() []agent.SignalCounts { return f.counts }

var _ agent.Pipeline = (*fakeFlusher)(nil)

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

// pause lets d pass and returns nil, or the context's error if that ends first.
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
