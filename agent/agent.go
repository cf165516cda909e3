package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/agent/internal/flushcalls"
	"github.com/epilogue-go/epilogue/agent/internal/invocations"
	"github.com/epilogue-go/epilogue/agent/internal/logger"
	"github.com/epilogue-go/epilogue/agent/internal/members"
	"github.com/epilogue-go/epilogue/agent/internal/settings"
	"github.com/epilogue-go/epilogue/agent/internal/strategy"
	"github.com/epilogue-go/epilogue/internal/extensionsapi"
	"github.com/epilogue-go/epilogue/internal/variables"
)

// Agent is the internal extension of one function, and the Tracker of package handler. Its methods are safe for
// concurrent use, never panic, and accept a nil *Agent, which flushes nothing.
//
// It has three goroutines, of which there is only the last outside Lambda:
//
//	loop    owns next: asks for an event, waits for the end of the invocation, flushes, asks again
//	watch   owns the shutdown: waits for a signal, drains, exits
//	run     of flushCalls, while there are flushes: makes the calls of Flush and ForceFlush
//
// Until the first event, awaitFirstEvent has one, too.
//
// The agent calls the Flusher, the hooks and the logger on goroutines of their own, so that it can abandon them. Its locks are
// those of invocations, flushCalls, schedule, log, counters and timeouts, and that of peers, which all agents share. None is held
// while another is taken, or while foreign code runs.
type Agent struct {
	settings     settings.Settings
	hooks        []func(context.Context)
	process      Process
	sharesWindow bool // there are external extensions
	log          *logger.Logger
	flusher      members.List

	attached    atomic.Bool // a handler reports its invocations
	timeouts    timeoutObservers
	mode        atomicMode
	invocations invocations.Table
	flushCalls  *flushcalls.Calls
	schedule    *strategy.Schedule
	counters    counters

	client *extensionsapi.Client // nil outside Lambda

	life context.Context // ends when the process exits or is gone
	stop context.CancelFunc

	signals       chan os.Signal // nil outside Lambda
	phase         shutdownPhase
	mayExit       bool // it has answered a signal; the mutex of peers guards it
	marginChecked sync.Once
}

// Start registers the internal extension, takes charge of SIGTERM and SIGINT, and returns the agent. Call it before
// lambda.Start: registration closes when the runtime first asks for an invocation.
//
// Start never fails and never returns nil. If the platform refuses the registration, Start logs that, and the function
// runs in mode unregistered, or managed-instances-unregistered. Start blocks until the platform answers, however long
// that takes: a registered extension that does not ask for events would hang Init.
//
// Keep ctx alive for as long as f is in use. If it ends, the agent flushes and shuts f down as at SIGTERM, without
// ending the process. The signals still end the process. Outside Lambda, Start touches neither signals nor f, except
// for switching its background export on, and the caller shuts f down. A nil f flushes nothing.
func Start(ctx context.Context, f Flusher, opts ...Option) *Agent {
	if ctx == nil {
		ctx = context.Background()
	}
	a := newAgent(ctx, f, opts)
	if !a.inLambda() {
		a.enter(notLambda)
		return a
	}
	a.sharesWindow = a.process.hasExternalExtensions()
	a.signals = make(chan os.Signal, 2)
	a.process.Notify(a.signals, syscall.SIGTERM, syscall.SIGINT)
	a.join()
	go a.watch(ctx)

	a.client = extensionsapi.New(a.process.Getenv("AWS_LAMBDA_RUNTIME_API"), a.process.Dial)
	m, identifier := a.register()
	a.enter(m)
	if identifier == "" {
		a.client.Close()
		return a
	}
	go a.loop(identifier)
	return a
}

func newAgent(ctx context.Context, f Flusher, opts []Option) *Agent {
	o := options{settings: settings.Options{}}
	for _, option := range opts {
		if option != nil {
			option.apply(&o)
		}
	}
	a := &Agent{
		hooks:   o.hooks,
		process: o.process.withDefaults(),
		flusher: members.List(nil).With(f),
		phase:   shutdownPhase{draining: make(chan struct{}), drained: make(chan struct{})},
	}
	if o.logger == nil && a.inLambda() {
		o.logger = logger.ForLambda(a.process.Stderr, a.process.Getenv)
	}
	a.log = logger.New(o.logger)
	var bad []error
	a.settings, bad = settings.Resolve(o.settings, a.process.Getenv)
	if o.process.Getenv == nil {
		bad = append(bad, variables.CheckUnknown(os.Environ(), true)...)
	}
	a.logMistakes(bad)
	a.schedule = strategy.NewSchedule(a.settings.Strategy)
	a.life, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.flushCalls = flushcalls.New(a.life, a.flush)
	return a
}

func (a *Agent) inLambda() bool { return a.process.Getenv("AWS_LAMBDA_RUNTIME_API") != "" }

// logMistakes logs the bad settings, inside Lambda the retired variables that are set, and the methods that a Flusher
// lacks that is nearly a Pipeline.
func (a *Agent) logMistakes(bad []error) {
	for _, err := range bad {
		a.log.Log(slog.LevelWarn, "agent: setting not accepted", slog.Any("error", err))
	}
	if old := errors.Join(variables.CheckRenamed(variables.Agent, a.process.Getenv)...); old != nil && a.inLambda() {
		a.log.Log(slog.LevelWarn, "agent: retired settings", slog.String("error", logger.OneLine(old)))
	}
	for name, missing := range a.flusher.Incomplete() {
		a.log.Log(slog.LevelWarn, "agent: the Flusher lacks methods of Pipeline, so the agent uses none of them",
			slog.String("flusher", name), slog.String("missing", missing))
	}
}

// checkMargin logs, at the first deadline, that the margin takes all of the function's time. Before, the function's
// timeout is not known.
func (a *Agent) checkMargin(deadline time.Time) {
	left := time.Until(deadline)
	if deadline.IsZero() || left <= 0 {
		return
	}
	a.marginChecked.Do(func() {
		if a.settings.Budget.Margin < left {
			return
		}
		go a.log.Log(slog.LevelWarn, "agent: the deadline margin is not less than the function's timeout, which leaves flushes almost no time",
			slog.String("EPILOGUE_DEADLINE_MARGIN", a.settings.Budget.Margin.String()),
			slog.String("timeout", left.Round(time.Millisecond).String()),
			slog.String("remedy", "set EPILOGUE_DEADLINE_MARGIN or agent.WithDeadlineMargin to less, such as 50ms"))
	})
}

// quickCall bounds a call that returns immediately unless something is wrong.
const quickCall = 100 * time.Millisecond

// enter makes m the agent's first mode.
func (a *Agent) enter(m mode) {
	a.mode.store(m)
	a.setBackgroundExport(!m.freezes())
}

func (a *Agent) setBackgroundExport(on bool) {
	a.call(time.Now().Add(quickCall), "agent: SetBackgroundExport failed", func(ctx context.Context) error {
		return a.flusher.SetBackgroundExport(ctx, on)
	})
}
