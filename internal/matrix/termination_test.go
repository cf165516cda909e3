package matrix

import (
	"context"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// kindKill is SIGKILL sent by the test in the platform's place, where it has no SIGTERM to send.
const kindKill eventlog.Kind = "kill.sent"

// terminate ends the process as the platform does in the middle of something.
func (c *cell) terminate() {
	kind, sig := invariant.KindSignal, syscall.SIGTERM
	if c.platform.unregistered {
		kind, sig = kindKill, syscall.SIGKILL
	}
	c.log.Add(eventlog.Event{Kind: kind, Detail: sig.String()})
	if err := c.env.Signal(sig); err != nil {
		c.abandon(err)
	}
}

// await waits for an event from seq on that has come or comes.
func (c *cell) await(seq int, match func(eventlog.Event) bool) {
	_, err := c.log.Wait(c.ctx, seq, match)
	if err != nil {
		c.abandon(err)
	}
}

// during makes the invocation with the end, calls what when it has come as far as match says, and sees the process end.
func (c *cell) during(match func(eventlog.Event) bool, what func()) {
	seq := len(c.log.Events())
	var wait sync.WaitGroup
	wait.Go(c.invoke)
	c.await(seq, match)
	what()
	wait.Wait()
	c.idle()
	// A signal that comes a moment late finds the process frozen, and waits in it. The platform would thaw it.
	_ = c.env.Signal(syscall.SIGCONT) // no process: it has ended already
	c.await(seq, func(e eventlog.Event) bool { return e.Kind == lambdatest.KindProcessExit })
}

func (c *cell) terminateInHandler() {
	c.during(func(e eventlog.Event) bool { return e.Kind == invariant.KindSaid && e.Detail == handlerBegun }, c.terminate)
}

// terminateInFlush ends the process while the backend holds the request of its flush. Where there is none, because the backend
// can not be reached, the caller's answer is as near as one can get: attempts and pauses follow it.
func (c *cell) terminateInFlush() {
	if c.backend.unreachable {
		c.during(func(e eventlog.Event) bool { return e.Kind == lambdatest.KindCallerAnswered }, c.terminate)
		return
	}
	c.during(func(e eventlog.Event) bool { return e.Kind == otlpreceiver.KindExportBegun }, func() {
		seq := len(c.log.Events())
		c.terminate()
		c.await(seq, func(e eventlog.Event) bool {
			return e.Kind == lambdatest.KindProcessExit || e.Kind == invariant.KindSaid && strings.Contains(e.Detail, "SIGTERM received")
		})
		switch {
		case c.backend.bad.Hang:
		case c.platform.unregistered: // killed: the backend is told so by the connection, before it would let go
			c.await(seq, exportEnded)
		default:
			c.letGo()
		}
	})
}

func exportEnded(e eventlog.Event) bool {
	return e.Kind == otlpreceiver.KindExportDone || e.Kind == otlpreceiver.KindExportRefused
}

// letGo releases the request that is held. It may not have come as far as that, so it is told until it has.
func (c *cell) letGo() {
	seq := 0
	for _, e := range c.log.Events() {
		if e.Kind == otlpreceiver.KindExportBegun {
			seq = e.Seq
		}
	}
	for {
		c.receiver.Unblock()
		ctx, cancel := context.WithTimeout(c.ctx, 5*time.Millisecond)
		_, err := c.log.Wait(ctx, seq, exportEnded)
		cancel()
		if err == nil || c.ctx.Err() != nil {
			return
		}
	}
}

// terminateWhenFrozen shuts down the environment when the invocation is over, and with it the bad time.
func (c *cell) terminateWhenFrozen() {
	c.invoke()
	c.idle()
	c.turnGood()
	c.frozen()
	c.shutDown()
}
