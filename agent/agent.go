package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/internal/extensionsapi"
)

// Agent is the internal extension of one function. Its methods may be called concurrently, never panic, and are valid
// on a nil *Agent, which holds and flushes nothing. It is the Tracker that the handler package reports to.
//
// Three goroutines at most belong to it, each with one task: loop owns next, watch owns the shutdown, and one flies
// the flush that is under way. Outside Lambda there is only the last. What is not the agent's own, the Flusher and the
// hooks, is called in a goroutine of its own, so that it can be left behind.
type Agent struct {
	settings settings
	process  Process
	log      journal
	flusher  joined

	attached    atomic.Bool // a handler reports its invocations
	state       atomicState
	invocations invocations
	flights     flights
	rhythm      rhythm
	counters    counters

	client *extensionsapi.Client // nil outside Lambda

	life     context.Context // ends when the agent is to leave the process alone: the process is exiting, or gone
	stop     context.CancelFunc
	draining chan struct{} // closed by watch when the shutdown begins: nothing is held any more
	resumed  chan struct{} // closed by watch when the shutdown is over and the process lives on

	unregistered chan struct{} // closed by Start when the platform has no extension of ours, so sends no SIGTERM for it
}

// Start registers the internal extension, takes charge of SIGTERM and SIGINT, and returns the agent. It is to be called
// before lambda.Start, since registration closes when the runtime first asks for an invocation.
//
// Start never fails and never returns nil: where the extension can not be registered it says so in the log and the
// function goes on without it, in the state that the package's table calls detached. It blocks while the platform
// answers the registration, however long that takes, because an extension that the platform has registered and that
// gave up waiting would hang Init.
//
// The caller keeps ctx alive for as long as f is to be used. When it ends, f is flushed and shut down as at SIGTERM,
// without the process being ended; invocations that come afterwards are let go at once, and the signals still end the
// process. Outside Lambda Start touches neither signals nor f, but for telling it to flush by interval; f is then the
// caller's to shut down. A nil f flushes nothing.
//
//nolint:contextcheck // a nil ctx must not stop the function
func Start(ctx context.Context, f Flusher, opts ...Option) *Agent {
	if ctx == nil {
		ctx = context.Background()
	}
	a := newAgent(ctx, f, opts)
	runtimeAPI := a.process.Getenv("AWS_LAMBDA_RUNTIME_API")
	if runtimeAPI == "" {
		a.enter(outside)
		return a
	}
	a.invocations.alarms = alarms{after: a.settings.budget.guard, ring: a.guardTimeout}
	signals := make(chan os.Signal, 2)
	a.process.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go a.watch(ctx, signals)

	a.client = extensionsapi.New(runtimeAPI, a.dial)
	state, identifier := a.register()
	a.enter(state)
	if identifier == "" {
		a.client.Close()
		close(a.unregistered)
		return a
	}
	go a.loop(identifier)
	return a
}

func newAgent(ctx context.Context, f Flusher, opts []Option) *Agent {
	var o options
	for _, option := range opts {
		if option != nil {
			option.apply(&o)
		}
	}
	a := &Agent{
		process:  o.process.withDefaults(),
		flusher:  join(f),
		draining: make(chan struct{}),
		resumed:  make(chan struct{}),

		unregistered: make(chan struct{}),
	}
	a.rhythm.epoch = time.Now()
	a.log.logger = o.logger
	var bad []error
	a.settings, bad = o.resolve(a.process.Getenv)
	a.log.sayBad(bad)
	a.rhythm.pace.strategy = a.settings.strategy
	a.life, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.flights.base = a.life
	a.flights.call = a.forceFlush
	return a
}

// enter makes s the agent's first state.
func (a *Agent) enter(s state) {
	a.state.store(s)
	if err := a.flusher.setIntervalFlush(s.intervalFlush()); err != nil {
		a.log.say(warn, "agent: SetIntervalFlush failed", slog.Any("error", err))
	}
}

// dial connects to the Extensions API. Where there is no network any more, there is no process to look after either. One
// that outlives its call, as net/http lets it, ends when the client is closed.
func (a *Agent) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := a.process.Dial(ctx, network, address)
	if errors.Is(err, net.ErrClosed) {
		a.stop()
	}
	return conn, err
}

// flushFor flushes what has ended by now within the budget of an invocation with this deadline (zero: not known).
func (a *Agent) flushFor(deadline time.Time) error {
	return a.flights.flush(a.settings.budget.flush(time.Now(), deadline))
}

// settle flushes what waits when the invocation has ended, or leaves it for a later end where the strategy says so and
// mayWait is true. A flight under way is waited for in any case, and so is what the Flusher sends by itself, since the
// environment is about to freeze.
func (a *Agent) settle(deadline time.Time, mayWait bool) error {
	until := a.settings.budget.flush(time.Now(), deadline)
	due := a.rhythm.due()
	if asked := a.rhythm.now(); !a.flights.underWay() {
		waiting, urgent := a.flusher.backlog(until)
		switch {
		case urgent:
		case waiting == 0:
			a.rhythm.cleared(asked)
			a.counters.idle.Add(1)
			return nil
		case mayWait && !due:
			a.counters.postponed.Add(1)
			return nil
		}
	}
	err := a.flights.flush(until)
	if err != nil {
		a.rhythm.failed() // it may not even have been made
	}
	return err
}

// forceFlush is the one place where the Flusher's ForceFlush is called. It accounts for the call.
func (a *Agent) forceFlush(ctx context.Context) error {
	began, clock := a.rhythm.now(), time.Now()
	err := a.flusher.ForceFlush(ctx)
	a.counters.flushed(time.Since(clock), err)
	a.rhythm.landed(began, err)
	if err != nil {
		a.log.sayRarely(warn, "agent: flush failed", slog.Any("error", err))
	}
	return err
}
