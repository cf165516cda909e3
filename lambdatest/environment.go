package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/internal/sandbox"
)

// Errors of an Environment's methods.
var (
	ErrClosed     = errors.New("lambdatest: environment is closed")
	ErrNotRunning = errors.New("lambdatest: no process is running")
)

// Environment runs one function, in one process after another. Its methods are safe for concurrent use. The caller of New
// must call Close.
type Environment struct {
	config  Config
	program Program

	// places are tokens for concurrent invocations: conduct needs one. life is the token to start or end the process; a
	// holder also has a place, or all of them. Shutdown holds shutting.
	places   chan struct{}
	life     chan struct{}
	shutting chan struct{}

	closing chan struct{}  // closed by Close
	wait    sync.WaitGroup // conductors, and processes being cleared away

	mu     sync.Mutex
	closed bool
	active int              // invocations under way or waiting
	idle   chan struct{}    // closed when active falls to zero; nil without a waiter
	box    *sandbox.Sandbox // of the process, running or ended; nil before the first
	proc   process          // box's
	number int              // of processes started
	random *rand.Rand
}

// New returns an environment for p. The first Invoke starts a process. The error names an invalid setting.
func New(cfg Config, p Program) (*Environment, error) {
	if p == nil {
		return nil, errors.New("lambdatest: no Program; use Command or Func")
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("lambdatest: %w", err)
	}
	return &Environment{
		config: cfg, program: p,
		places: make(chan struct{}, cfg.Concurrency), life: make(chan struct{}, 1), shutting: make(chan struct{}, 1),
		closing: make(chan struct{}),
		random:  rand.New(rand.NewPCG(cfg.Seed, cfg.Seed)),
	}, nil
}

// Invoke runs one invocation and returns when the caller has its answer: at the response, before extensions are done.
// It starts a process if none runs, and waits while the environment is busy with an earlier invocation.
//
// If the function fails, exits or takes too long, the Response has FunctionError set. After a panic, an exit, a timeout or
// a failed Init the environment is reset, and the next Invoke starts a new process. These are the errors:
//
//   - ErrClosed;
//   - the end of ctx: a released invocation continues, as after a caller that hung up;
//   - a process that cannot be started;
//   - the request ID of an invocation that is under way. An old one can be used again, as the service's retries do.
func (e *Environment) Invoke(ctx context.Context, inv Invocation) (Response, error) {
	if !e.enter() {
		return Response{}, ErrClosed
	}
	if err := e.take(ctx, e.places); err != nil {
		e.leave()
		return Response{}, fmt.Errorf("invoke: wait for the environment: %w", err)
	}
	r := newRun(inv)
	failed := make(chan error, 1)
	// A released invocation continues when its caller hangs up.
	go func() {
		defer e.leave()
		defer func() { <-e.places }()
		if err := e.conduct(r); err != nil {
			failed <- err
		}
	}()
	select {
	case res := <-r.Answer:
		return responseOf(r, res), nil
	case err := <-failed:
		return Response{}, fmt.Errorf("invoke: %w", err)
	case <-ctx.Done():
		return Response{}, fmt.Errorf("invoke: %w", context.Cause(ctx))
	}
}

// enter counts an invocation, unless the environment is closed.
func (e *Environment) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.active++
	e.wait.Add(1)
	return true
}

// leave reverts enter.
func (e *Environment) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.active--
	if e.active == 0 && e.idle != nil {
		close(e.idle)
		e.idle = nil
	}
	e.wait.Done()
}

// take acquires the semaphore c.
func (e *Environment) take(ctx context.Context, c chan struct{}) error {
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-e.closing:
		return ErrClosed
	}
}

// WaitIdle returns when no invocation is under way or waiting: all have asked for the next event, and the environment
// is frozen (not on Managed Instances) or gone. It returns the end of ctx if that comes first.
func (e *Environment) WaitIdle(ctx context.Context) error {
	e.mu.Lock()
	if e.active == 0 {
		e.mu.Unlock()
		return nil
	}
	if e.idle == nil {
		e.idle = make(chan struct{})
	}
	idle := e.idle
	e.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait until idle: %w", context.Cause(ctx))
	}
}

// Shutdown waits until the environment is idle, then ends it as the service does: thaw, SIGTERM if any extension is
// registered, the window, SIGKILL. It returns the exit of the process. The error is ErrNotRunning without a process, or
// the end of ctx if that comes before the environment is idle. A later Invoke starts a new process.
func (e *Environment) Shutdown(ctx context.Context) (Exit, error) {
	if err := e.take(ctx, e.shutting); err != nil {
		return Exit{}, fmt.Errorf("shut down: %w", err)
	}
	defer func() { <-e.shutting }()
	for range cap(e.places) {
		if err := e.take(ctx, e.places); err != nil {
			return Exit{}, fmt.Errorf("shut down: wait until idle: %w", err)
		}
		defer func() { <-e.places }()
	}
	box := e.running()
	if box == nil {
		return Exit{}, ErrNotRunning
	}
	box.Thaw()
	e.end(box)
	return Exit(box.Outcome()), nil
}

// Signal sends sig to the process, busy or frozen, as Ctrl-C does. A frozen process gets it after the thaw. It returns
// ErrNotRunning if there is no process.
func (e *Environment) Signal(sig os.Signal) error {
	box := e.running()
	if box == nil {
		return ErrNotRunning
	}
	box.Signal(sig)
	return nil
}

// Close ends the process immediately, with SIGKILL, and waits for all goroutines and processes. Callers in Invoke get an
// answer or ErrClosed. Close is idempotent.
func (e *Environment) Close() error {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.closing)
	}
	e.mu.Unlock()
	e.life <- struct{}{} // no process starts any more, but one may be about to end
	if box := e.running(); box != nil {
		box.Kill()
	}
	e.clear()
	<-e.life
	e.wait.Wait()
	return nil
}

// Config returns the environment's settings with the defaults filled in.
func (e *Environment) Config() Config { return e.config }

// Log returns the environment's event log.
func (e *Environment) Log() *eventlog.Log { return e.config.Log }

// Network returns the network in memory of a Func program, for its servers.
func (e *Environment) Network() *Network { return e.config.Network }
