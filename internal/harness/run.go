package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const (
	// BackendAddress is the receiver's in memory.
	BackendAddress = "collector:4318"
	// Timeout is that of the function, unless a scenario sets another.
	Timeout = 3 * time.Second
	// BackendTime is what the backend takes to answer, unless a scenario sets a fault.
	BackendTime = 10 * time.Millisecond

	runTimeout = 2 * time.Minute // of a scenario with a child
)

// childDefaults give a child on a busy machine more time than the defaults do.
var childDefaults = []string{
	"EPILOGUE_HANDLER_START_WAIT=2s",
	"EPILOGUE_SHUTDOWN_BUDGET=1800ms",
	"GORACE=atexit_sleep_ms=0", // the race detector alone would take a second of the shutdown window
}

const childWindow = 2 * time.Second // between SIGTERM and SIGKILL

// Run is a scenario that runs in one of the two forms. It collects what went wrong.
type Run struct {
	Scenario
	Virtual  bool // in memory
	Log      *eventlog.Log
	Env      *lambdatest.Environment
	Receiver *otlpreceiver.Receiver
	Calls    []*Made // in the order in which they were made

	// NewListener listens at the address of the backend, on the run's network.
	NewListener func() (net.Listener, error)

	ctx      context.Context
	cancel   context.CancelFunc
	listener *listener

	mu    sync.Mutex // calls may be made at the same time
	exits []int      // expected codes of processes, in order
	errs  []error
}

// Made is a call that was made.
type Made struct {
	Call
	Began  time.Time
	Waited time.Duration // its caller
}

// InMemory runs sc in virtual time and fails the test if an expectation or a rule does not hold.
func InMemory(t *testing.T, sc Scenario) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := new(lambdatest.Network)
		r := &Run{Scenario: sc, Virtual: true, NewListener: func() (net.Listener, error) { return network.Listen(BackendAddress) }}
		r.ctx, r.cancel = context.WithCancel(t.Context())
		main := Programs[r.program()]
		if sc.Main != nil {
			main = sc.Main
		}
		program := lambdatest.Func(func(p *lambdatest.Process) { main(Emulated(p)) })
		config := sc.Config
		config.Network = network
		r.run(config, program, nil)
		r.report(t)
		time.Sleep(time.Minute) // until what a killed process was waiting for has ended
	})
}

// WithChild runs sc with a real child process and fails the test if an expectation or a rule does not hold.
func WithChild(t *testing.T, sc Scenario) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &Run{Scenario: sc}
	r.ctx, r.cancel = context.WithTimeout(t.Context(), runTimeout)
	r.NewListener = func() (net.Listener, error) { return new(net.ListenConfig).Listen(r.ctx, "tcp", "127.0.0.1:0") }
	config := sc.Config
	if config.ShutdownWindow == 0 {
		config.ShutdownWindow = childWindow
	}
	r.run(config, lambdatest.Command(binary), append([]string{childProgram + "=" + r.program()}, childDefaults...))
	r.report(t)
}

func (sc Scenario) program() string {
	if sc.Program == "" {
		return "function"
	}
	return sc.Program
}

// run starts backend and environment, takes the steps, and checks the log.
func (r *Run) run(config lambdatest.Config, program lambdatest.Program, env []string) {
	defer r.cancel()
	r.Log = new(eventlog.Log)
	r.Receiver = otlpreceiver.New(otlpreceiver.Config{Log: r.Log})
	r.Receiver.SetFault(Fault{Delay: BackendTime})
	config.Log, config.Env = r.Log, append(config.Env, env...)
	if config.Stderr == nil {
		config.Stderr = &LineWriter{Log: r.Log}
	}
	if config.Timeout == 0 {
		config.Timeout = Timeout
	}
	stop := func() {}
	if r.Listen != nil {
		env, stop = r.Listen(r)
	} else {
		env = r.listen()
	}
	defer stop()
	config.Env = append(append(config.Env, env...), r.Scenario.Env...)
	var err error
	if r.Env, err = lambdatest.New(config, program); err != nil {
		r.Error(err)
		return
	}
	for _, step := range r.Steps {
		step(r)
	}
	if err := errors.Join(r.Env.Close(), r.Receiver.Close()); err != nil {
		r.Errorf("close: %w", err)
	}
	r.check()
}

// listen serves the receiver on the run's network.
func (r *Run) listen() (env []string) {
	l, err := r.NewListener()
	if err == nil {
		r.listener = &listener{Listener: l}
		err = r.Receiver.Serve(r.listener)
	}
	if err != nil {
		r.Error(err)
	}
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + r.Receiver.Endpoint()}
}

// Errorf records that something went wrong.
func (r *Run) Errorf(format string, args ...any) { r.Error(fmt.Errorf(format, args...)) }

// Error records err; nil is ignored.
func (r *Run) Error(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// abort records err, and lets the steps that are left fail fast.
func (r *Run) abort(err error) {
	r.Error(err)
	r.cancel()
}

// Err returns everything that went wrong.
func (r *Run) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}

func (r *Run) report(t *testing.T) {
	t.Helper()
	if err := r.Err(); err != nil {
		t.Errorf("%v\nevents:\n%s", err, r.Log)
	}
}

// Spans returns the spans that the backend has kept.
func (r *Run) Spans() []otlpreceiver.Span {
	if r.Arrived != nil {
		return r.Arrived()
	}
	return r.Receiver.Spans()
}

// Context ends with the run.
func (r *Run) Context() context.Context { return r.ctx }

// listener remembers the connections that it has accepted.
type listener struct {
	net.Listener

	mu    sync.Mutex
	conns []net.Conn
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, conn)
		l.mu.Unlock()
	}
	return conn, err
}

// closeAll closes all connections in an orderly way, as a load balancer does with idle ones.
func (l *listener) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		_ = conn.Close() // it may be closed already
	}
	l.conns = nil
}
