package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const (
	// grace is how long the agent waits for a handler to begin, more than the default: a busy machine may keep a child
	// from running for longer.
	grace = 500 * time.Millisecond
	// window is between SIGTERM and SIGKILL, in place of the platform's: noWindowIsMissed knows how busy the machine is.
	window = 3 * time.Second
	// patience is how long a cell may take on a busy machine.
	patience = 2 * time.Minute

	warmUp = "1-warm-up"
	ending = "2-end"
	last   = "3-last"
)

// kindKill is SIGKILL sent by the test in the platform's place, where it has no SIGTERM to send.
const kindKill eventlog.Kind = "kill.sent"

// place is where a cell is in the matrix.
type place struct {
	platform *platform
	end      *end
	backend  *backend
}

func (p place) String() string { return p.platform.name + "/" + p.end.name + "/" + p.backend.name }

// cell is a place whose story is being told.
type cell struct {
	place

	ctx      context.Context
	cancel   context.CancelFunc
	log      *eventlog.Log
	env      *lambdatest.Environment
	receiver *otlpreceiver.Receiver

	mu  sync.Mutex
	err error // what went wrong so far
}

// tell runs the story of p and leaves its log behind.
func tell(t *testing.T, p place) *cell {
	t.Helper()
	c := &cell{place: p, log: new(eventlog.Log)}
	c.ctx, c.cancel = context.WithTimeout(t.Context(), patience)
	defer c.cancel()
	c.receiver = otlpreceiver.New(otlpreceiver.Config{Log: c.log})
	endpoint, stop := p.backend.listen(t, c.receiver)
	defer stop()
	c.start(t, endpoint)
	c.story()
	c.note(c.env.Close())
	c.note(c.receiver.Close())
	return c
}

// note keeps what went wrong.
func (c *cell) note(err error) {
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err = errors.Join(c.err, err)
	}
}

// abandon does so and lets the rest of the story fall short.
func (c *cell) abandon(err error) {
	c.note(err)
	c.cancel()
}

// start makes the environment. Nothing runs before the first invocation.
func (c *cell) start(t *testing.T, endpoint string) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := c.platform.config
	config.Log, config.Stderr = c.log, &invariant.Transcript{Log: c.log}
	config.ShutdownWindow = window
	config.Timeout = plenty
	if c.end.timeout > 0 {
		config.Timeout = c.end.timeout
	}
	config.Env = slices.Concat(c.platform.variables(t), []string{
		childMain + "=1",
		"EPILOGUE_GRACE=" + grace.String(),
		"EPILOGUE_FLUSH_TIMEOUT=" + c.backend.budget().String(),
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint,
		"GORACE=atexit_sleep_ms=0", // or the race detector alone would take a second of the shutdown window
	})
	if c.env, err = lambdatest.New(config, lambdatest.Command(binary)); err != nil {
		t.Fatal(err)
	}
}

// story is what happens in every cell.
func (c *cell) story() {
	c.receiver.SetFault(c.backend.always)
	c.good(warmUp)
	c.frozen()
	c.turnBad()
	if c.end.drive == nil {
		c.invoke()
		c.idle()
	} else {
		c.end.drive(c)
	}
	c.turnGood()
	c.frozen()
	c.good(last)
	c.frozen()
	c.shutDown()
}

// good makes an invocation that goes well.
func (c *cell) good(id string) {
	c.call(id, `{"do":"ok"}`, "")
	c.idle()
}

// invoke makes the invocation with the end.
func (c *cell) invoke() {
	c.call(ending, c.end.payload, c.end.errorType)
}

func (c *cell) call(id, payload, errorType string) {
	response, err := c.env.Invoke(c.ctx, lambdatest.Invocation{RequestID: id, Payload: []byte(payload)})
	if err != nil {
		c.abandon(fmt.Errorf("%s: %w", id, err))
		return
	}
	if response.ErrorType != errorType {
		c.note(fmt.Errorf("%s: its caller was told %q; want %q", id, response.ErrorType, errorType))
	}
}

// idle waits until the environment is frozen, or gone.
func (c *cell) idle() {
	if err := c.env.WaitIdle(c.ctx); err != nil {
		c.abandon(err)
	}
}

// frozen is what happens while the environment is.
func (c *cell) frozen() {
	if c.backend.cut {
		c.receiver.CutConnections()
	}
}

func (c *cell) turnBad() {
	if c.end.held {
		c.receiver.Next(c.backend.hold()...)
	} else {
		c.receiver.Next(c.backend.first...)
	}
	if c.backend.bad != (otlpreceiver.Fault{}) {
		c.receiver.SetFault(c.backend.bad)
	}
}

func (c *cell) turnGood() { c.receiver.SetFault(c.backend.always) }

// shutDown ends the environment as the platform does between invocations.
func (c *cell) shutDown() {
	if _, err := c.env.Shutdown(c.ctx); err != nil {
		c.abandon(err)
	}
}

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
		c.receiver.Release()
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
