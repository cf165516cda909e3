package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
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
		"EPILOGUE_HANDLER_START_WAIT=" + grace.String(),
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
		c.receiver.FailNext(c.backend.hold()...)
	} else {
		c.receiver.FailNext(c.backend.first...)
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
