package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	"github.com/epilogue-go/epilogue/lambdatest/internal/api"
	"github.com/epilogue-go/epilogue/lambdatest/internal/goruntime"
	"github.com/epilogue-go/epilogue/lambdatest/internal/memnet"
)

// errEnded is the cause of a Process's Context. It is not context.Canceled, which has a meaning in aws-lambda-go.
var errEnded = errors.New("lambdatest: the process has ended")

// memoryAPI is the address of the APIs for a process in memory, the service's address with a free port.
const memoryAPI = "169.254.100.1:0"

// Func returns a Program that runs in memory. main gets a Process instead of os, os/signal and net, and normally ends in
// Process.Serve. When main returns, the process exits with code 0; when it panics, with 2.
//
// A goroutine cannot be ended or stopped from outside. When the process is killed, its connections and dials fail and its
// Context ends; its goroutines have to end because of that. Environment.Close waits for main and for the goroutines of
// Serve. A frozen process cannot send, receive, exit or get signals, but its goroutines run.
func Func(main func(*Process)) Program { return function{main: main} }

type function struct{ main func(*Process) }

func (function) String() string { return "func" }

func (f function) start(b boot) (process, error) {
	l, err := b.network.Listen(memoryAPI)
	if err != nil {
		return nil, fmt.Errorf("serve the Lambda APIs: %w", err)
	}
	var output sync.Mutex
	b.stdout, b.stderr = &sharedWriter{&output, b.stdout}, &sharedWriter{&output, b.stderr}
	p := &Process{boot: b, vars: make(map[string]string), ended: make(chan struct{})}
	p.thawed = sync.NewCond(&p.mu)
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	p.host = b.network.Host("function", b.activity)
	for _, variable := range b.variables(l.Addr().String()) {
		key, value, _ := strings.Cut(variable, "=")
		p.vars[key] = value
	}
	p.api = api.Serve(l, b.api)
	p.wait.Go(func() { p.run(f.main) })
	return (*memoryProcess)(p), nil
}

// sharedWriter allows concurrent writes, as a file descriptor does.
type sharedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (s *sharedWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// Process is the operating system of a Func program. Pass its methods to the code that needs them, for example as the
// fields of agent.Process. They are safe for concurrent use.
type Process struct {
	boot   boot
	host   *memnet.Host
	api    *api.Server
	ctx    context.Context
	cancel context.CancelCauseFunc
	ended  chan struct{}  // closed by end
	wait   sync.WaitGroup // main and the loops of Serve

	mu       sync.Mutex
	thawed   *sync.Cond // thaw or end
	vars     map[string]string
	isFrozen bool
	hasEnded bool
	signals  signalTable
}

// run is the process's main goroutine.
func (p *Process) run(main func(*Process)) {
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Fprintf(p.boot.stderr, "panic: %v\n\n%s", reason, debug.Stack())
			p.end(2, "")
		}
	}()
	main(p)
	p.awaitThaw()
	p.end(0, "")
}

// Context ends with the process; its cause is not context.Canceled. Start a function's background work with it.
func (p *Process) Context() context.Context { return p.ctx }

// Getenv returns a variable of the process's environment, as os.Getenv does.
func (p *Process) Getenv(key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.vars[key]
}

// setenv is os.Setenv.
func (p *Process) setenv(key, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.vars[key] = value
}

// Environ returns the process's environment as "KEY=value", as os.Environ does.
func (p *Process) Environ() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	variables := make([]string, 0, len(p.vars))
	for key, value := range p.vars {
		variables = append(variables, key+"="+value)
	}
	return variables
}

// Dial connects over the environment's network in memory. A frozen process waits for the thaw.
func (p *Process) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return p.host.DialContext(ctx, network, address)
}

// Network returns the network that Dial uses.
func (p *Process) Network() *Network { return p.boot.network }

// Stdout is Config.Stdout, safe for concurrent use.
func (p *Process) Stdout() io.Writer { return p.boot.stdout }

// Stderr is Config.Stderr, safe for concurrent use.
func (p *Process) Stderr() io.Writer { return p.boot.stderr }

// Exit ends the process, and the calling goroutine with runtime.Goexit, so deferred calls run, unlike with os.Exit.
// A frozen process exits at the thaw.
func (p *Process) Exit(code int) {
	p.awaitThaw()
	p.end(code, "")
	runtime.Goexit()
}

// Serve is lambda.Start: it serves invocations with fn, any handler that lambda.Start accepts. Its visible order is that of
// aws-lambda-go 1.55:
//
//   - A response: next; call; post the response; close it if it is an io.Closer; cancel the invocation's context; next.
//   - An error: post it; cancel the context; next.
//   - A panic: post the error, without a stack trace; exit with code 1.
//   - A refused post: close the response; cancel the context; exit with code 1.
//   - runtime.Goexit in fn ends its loop only, so the invocation times out.
//
// On Managed Instances there are as many loops as concurrent invocations. If one of them ends, the others finish their
// invocations, and then the process exits.
//
// It does not return: it ends with runtime.Goexit when the process does.
//
// The result of lambda.NewHandler is served as any lambda.Handler, with a content type of application/octet-stream.
func (p *Process) Serve(fn any) {
	err := goruntime.Serve(p.ctx, goruntime.Options{
		RuntimeAPI: p.Getenv("AWS_LAMBDA_RUNTIME_API"), Dial: p.Dial, Loops: p.boot.loops, Setenv: p.setenv, Stderr: p.boot.stderr,
	}, fn)
	if err != nil {
		fmt.Fprintf(p.boot.stderr, "%v\n", err)
		p.Exit(1)
	}
	runtime.Goexit()
}

// awaitThaw blocks while the process is frozen.
func (p *Process) awaitThaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.isFrozen && !p.hasEnded {
		p.thawed.Wait()
	}
}

// end ends the process at its first call. As with a kernel, its connections are closed before others see the end, so
// nothing that it sends is accepted afterwards.
func (p *Process) end(code int, signal string) {
	p.mu.Lock()
	already := p.hasEnded
	p.hasEnded = true
	p.thawed.Broadcast()
	p.mu.Unlock()
	if already {
		return
	}
	p.host.End() // before the context: its end makes goroutines send, which those of an ended process cannot
	p.cancel(errEnded)
	p.boot.ended(code, signal)
	close(p.ended)
}

// memoryProcess is the environment's view of a Process.
type memoryProcess Process

func (m *memoryProcess) process() *Process { return (*Process)(m) }

func (m *memoryProcess) Freeze() {
	m.mu.Lock()
	m.isFrozen = true
	m.mu.Unlock()
	m.host.Freeze()
}

func (m *memoryProcess) Thaw() {
	m.mu.Lock()
	m.isFrozen = false
	waiting := m.signals.takeWaiting()
	m.thawed.Broadcast()
	m.mu.Unlock()
	m.host.Thaw()
	for _, sig := range waiting {
		m.Signal(sig)
	}
}

func (m *memoryProcess) Kill() { m.process().end(-1, syscall.SIGKILL.String()) }

func (m *memoryProcess) Done() <-chan struct{} { return m.ended }

func (m *memoryProcess) close() {
	<-m.ended
	m.api.Close()
	m.wait.Wait()
}
