package lambdatest

import (
	"context"
	"io"
	"net"
	"os"

	"github.com/epilogue-go/epilogue/internal/memnet"
)

// Func returns a Program that runs in memory: main gets a Process in place of what os, os/signal and net would give
// it, and normally ends in Process.Serve. When main returns, the process exits with code 0.
//
// Nothing can end a goroutine from outside. When the process is killed its connections and dials fail and its Context
// ends; goroutines that it started have to end by one of these, or Environment.Close waits for main for ever.
func Func(main func(*Process)) Program { return nil }

// Command returns a Program that runs the executable at path as a child process, in a process group of its own, with
// nothing in its environment but what the service gives a function and Config.Env.
func Command(path string, args ...string) Program { return nil }

// Process is what a Func program has of its operating system. Its methods are safe for concurrent use.
type Process struct{}

// Context ends when the process does, with a cause that is not context.Canceled.
func (p *Process) Context() context.Context { return nil }

// Getenv returns a variable of the process's environment, as os.Getenv does.
func (p *Process) Getenv(key string) string { return "" }

// Environ returns the process's environment as "KEY=value", as os.Environ does.
func (p *Process) Environ() []string { return nil }

// Dial connects over the environment's network in memory. A frozen process waits for the thaw.
func (p *Process) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return nil, nil
}

// Network returns the network that Dial uses.
func (p *Process) Network() *memnet.Network { return nil }

// Notify relays signals to c, as signal.Notify does; with none named, all. A process that relays neither SIGTERM nor
// SIGINT is ended by them.
func (p *Process) Notify(c chan<- os.Signal, sig ...os.Signal) {}

// StopNotify undoes Notify for c: when it returns, c gets nothing more.
func (p *Process) StopNotify(c chan<- os.Signal) {}

// Exit ends the process, and the calling goroutine with runtime.Goexit, so deferred calls run, unlike with os.Exit.
func (p *Process) Exit(code int) {}

// Stdout is Config.Stdout.
func (p *Process) Stdout() io.Writer { return nil }

// Stderr is Config.Stderr.
func (p *Process) Stderr() io.Writer { return nil }

// Serve is lambda.Start: it serves invocations with fn, anything that lambda.Start accepts, in the order in which
// aws-lambda-go 1.55 does things as seen from outside: next; call; post the response, close it if it is an io.Closer,
// cancel the invocation's context, next. An error is posted, the context cancelled, next. After a panic the error is
// posted and the process exits with code 1; after a refused post the response is closed, the context cancelled, and
// the process exits with code 1. On Managed Instances there are as many loops as invocations at once.
//
// It does not return: it ends with runtime.Goexit when the process does.
//
// What lambda.NewHandler returns is served as any lambda.Handler, with a content type of application/octet-stream.
func (p *Process) Serve(fn any) {}
