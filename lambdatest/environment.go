package lambdatest

import (
	"context"
	"errors"
	"os"

	"github.com/epilogue-go/epilogue/internal/memnet"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Errors of an Environment's methods.
var (
	ErrClosed     = errors.New("lambdatest: environment is closed")
	ErrNotRunning = errors.New("lambdatest: no process is running")
)

// Environment runs one function, as many processes after each other as it takes. Its methods are safe for concurrent
// use. Who made it must call Close.
type Environment struct {
	config Config
}

// New returns an environment for p. It starts nothing: the first Invoke does. The error names a setting that can not
// be used.
func New(cfg Config, p Program) (*Environment, error) { return nil, errors.New("not yet") }

// Invoke runs one invocation and returns when the caller has its answer: at the response, before extensions are done.
// It starts a process where none runs, and waits while the environment is busy with an earlier invocation.
//
// A function that fails, exits, or takes too long is a Response with FunctionError set; after a panic, an exit, a
// timeout or a failed Init the environment is reset, and the next Invoke starts a new process. The error is ErrClosed,
// the end of ctx (what has been released goes on, as with a caller that hung up), or a process that can not be started.
func (e *Environment) Invoke(ctx context.Context, inv Invocation) (Response, error) {
	return Response{}, nil
}

// WaitIdle returns when no invocation is under way or waiting: all have asked for the next event, and the environment
// is frozen (not on Managed Instances) or gone. It returns the end of ctx where that comes first.
func (e *Environment) WaitIdle(ctx context.Context) error { return nil }

// Shutdown waits until the environment is idle, then ends it as the service does: thaw, SIGTERM if any extension is
// registered, the window, SIGKILL. It returns how the process ended; ErrNotRunning if there is none; the end of ctx
// where that comes before the process is idle. A later Invoke starts a new process.
func (e *Environment) Shutdown(ctx context.Context) (Exit, error) { return Exit{}, nil }

// Signal sends sig to the process as it is, busy or frozen, as a person's Ctrl-C does; a frozen process sees it after
// the thaw. It returns ErrNotRunning if there is no process.
func (e *Environment) Signal(sig os.Signal) error { return nil }

// Close ends everything at once, with SIGKILL, and waits until no goroutine and no process is left. Callers in Invoke
// get an answer or ErrClosed. It may be called more than once.
func (e *Environment) Close() error { return nil }

// Log returns the environment's event log.
func (e *Environment) Log() *eventlog.Log { return e.config.Log }

// Network returns the network in memory on which a Func program runs, for servers that it talks to.
func (e *Environment) Network() *memnet.Network { return e.config.Network }
