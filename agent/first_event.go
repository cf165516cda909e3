package agent

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// firstEventWait is how long the agent waits for the first event before it exports without one. It is longer than
	// the 10 s that Init has on demand.
	firstEventWait = 15 * time.Second

	// firstEventTick divides firstEventWait: a freeze counts as one tick, however long it is.
	firstEventTick = time.Second
)

// awaitFirstEvent switches the background export on if no handler is attached and no event comes, as in some emulators:
// then nothing else flushes. The loop calls came at the first event, which switches the background export off again.
func (a *Agent) awaitFirstEvent() (came func()) {
	ctx, cancel := context.WithCancel(a.life)
	exporting := make(chan bool, 1)
	go func() { exporting <- a.exportWithoutEvents(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if <-exporting {
			a.setBackgroundExport(false)
		}
	})
}

// exportWithoutEvents waits until items are pending and no event has come in time. It reports whether it has switched the
// background export on. If a handler is attached, the end of an invocation shows whether events come.
func (a *Agent) exportWithoutEvents(ctx context.Context) bool {
	ticker := time.NewTicker(firstEventTick)
	defer ticker.Stop()
	for waited := firstEventTick; ; waited += firstEventTick {
		select {
		case <-ticker.C:
		case <-a.phase.draining:
			return false
		case <-ctx.Done():
			return false
		}
		if a.attached.Load() {
			return false
		}
		if waited >= firstEventWait && a.hasPending(ctx) {
			break
		}
	}
	a.mode.change(extension, extensionFailed)
	a.setBackgroundExport(true)
	go a.log.LogLimited(slog.LevelWarn,
		"agent: no INVOKE event has come and no handler is wrapped; telemetry is exported in the background",
		slog.String("remedy", "wrap the handler, with handler.WithTracker"))
	return true
}

func (a *Agent) hasPending(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, quickCall)
	defer cancel()
	n, _ := a.flusher.Pending(ctx)
	return n > 0
}
