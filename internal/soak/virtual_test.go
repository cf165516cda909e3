package soak

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

const (
	shownEvents   = 40                     // before the current invocation, in the report of a failure
	longestBehind = 400 * time.Millisecond // for which a goroutine goes on after its handler
)

// virtualRun goes through virtual time. Its fields belong to the test's goroutine, unless they say otherwise.
type virtualRun struct {
	*testing.T
	seed       uint64
	random     *rand.Rand
	log        *eventlog.Log
	network    *lambdatest.Network
	receiver   *otlpreceiver.Receiver
	extensions string // a folder with the file of an external extension

	platform *platform
	env      *lambdatest.Environment
	mode     *faultMode

	invocations int // made
	calls       []*call
	mark        int          // the first event of the current step
	before      state        // when the current step began
	previous    *checkedStep // nil before the first
	behind      int          // spans that the last calls have left behind, and that may be open
	behindUntil time.Time
	frozen      map[int]bool // requests that were under way when the environment was frozen
	summary     summary
	gauges      gauges

	mu        sync.Mutex
	processes int
	current   *observed // of the last process; it may have ended
}

// state is that of the process at a moment.
type state struct {
	process  *observed // nil: none runs
	stats    otelx.Stats
	ended    int
	deferred int64 // flushes
}

// of returns s if it is that of o, and otherwise the state of a process that has not begun.
func (s state) of(o *observed) state {
	if s.process == o {
		return s
	}
	return state{}
}

// summary is what a run has seen.
type summary struct {
	processes, spans, lost, requests int
	deferred                         int // steps with a deferred flush
	exits                            map[int]int
	virtual                          time.Duration
}

func TestVirtual(t *testing.T) {
	for _, seed := range seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			extensions := t.TempDir()
			if err := writeExtension(extensions); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			synctest.Test(t, func(t *testing.T) {
				v := newVirtualRun(t, seed, extensions)
				defer func() { _ = v.receiver.Close() }()
				v.run(*virtualFlag)
			})
			t.Logf("%d invocations in %s", *virtualFlag, time.Since(began).Round(time.Millisecond))
		})
	}
}

func newVirtualRun(t *testing.T, seed uint64, extensions string) *virtualRun {
	v := &virtualRun{
		T: t, seed: seed, random: rand.New(rand.NewPCG(seed, seed)), extensions: extensions,
		log: new(eventlog.Log), network: new(lambdatest.Network), mode: &faultMode{}, frozen: make(map[int]bool),
		summary: summary{exits: make(map[int]int)},
	}
	v.receiver = otlpreceiver.New(otlpreceiver.Config{Log: v.log})
	listener, err := v.network.Listen(harness.BackendAddress)
	if err == nil {
		err = v.receiver.Serve(listener)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// run makes n invocations, in one environment after the other.
func (v *virtualRun) run(n int) {
	every, began := max(n/100, 1), time.Now()
	for v.invocations < n {
		v.startEnvironment()
		for ; v.platform.left > 0 && v.invocations < n; v.platform.left-- {
			v.step()
		}
		v.endEnvironment()
		v.gauges.sample(v.invocations, every)
	}
	v.summary.virtual = time.Since(began)
	v.gauges.check(v)
	v.Logf("seed %d: %d invocations, %d processes (by exit code: %v), %d spans ended, %d lost with their process, "+
		"%d requests; flushes were deferred in %d steps; %s went by\n%s", v.seed, v.invocations,
		v.summary.processes, v.summary.exits, v.summary.spans, v.summary.lost, v.summary.requests,
		v.summary.deferred, v.summary.virtual.Round(time.Hour), &v.gauges)
}

func (v *virtualRun) startEnvironment() {
	v.platform = drawPlatform(v.random, v.extensions)
	config := v.platform.config
	config.Log, config.Network, config.Stderr = v.log, v.network, &harness.LineWriter{Log: v.log}
	config.Env = append(config.Env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+harness.BackendAddress)
	env, err := lambdatest.New(config, lambdatest.Func(v.main))
	if err != nil {
		v.Fatal(err)
	}
	v.env = env
}

// main is a process.
func (v *virtualRun) main(emulated *lambdatest.Process) {
	p := harness.Emulated(emulated)
	o := &observed{Function: harness.New(p), spans: make(map[trace.SpanID]*spanState)}
	o.Observe(o)
	v.mu.Lock()
	v.processes++
	o.number, v.current = v.processes, o
	v.mu.Unlock()
	if p.Getenv(asHandler) != "" {
		o.Serve(harness.BytesHandler{Function: o.Function})
	} else {
		o.Serve(o.Handle)
	}
}

// endEnvironment ends it, and waits for what its processes have been waiting for.
func (v *virtualRun) endEnvironment() {
	v.begin()
	v.shutdown()
	if err := v.env.Close(); err != nil {
		v.Error(err)
	}
	v.env = nil
	time.Sleep(time.Minute)
	v.receiver.CutConnections()
	synctest.Wait()
}

// begin marks the beginning of a step.
func (v *virtualRun) begin() {
	v.mark = v.log.Add(eventlog.Event{Kind: "soak.step", Count: v.invocations}).Seq
	v.mu.Lock()
	o := v.current
	v.mu.Unlock()
	v.before = state{}
	if o != nil && o.alive() {
		v.before = state{process: o, stats: o.SDK.Stats(), deferred: o.Agent.Stats().FlushesDeferred}
		v.before.ended, _ = o.endedSpans()
	}
}

// step is one invocation, or several at once, and the freeze after it.
func (v *virtualRun) step() {
	v.changeFault()
	if v.previous != nil {
		v.log.Trim(v.previous.mark - shownEvents)
	}
	v.begin()
	v.calls = v.drawCalls()
	v.expectBehind()
	var wait sync.WaitGroup
	for _, c := range v.calls {
		v.invocations++
		wait.Go(func() { v.invoke(c) })
	}
	wait.Wait()
	if err := v.env.WaitIdle(v.Context()); err != nil {
		v.Errorf("WaitIdle: %v", err)
		v.stopIfFailed()
	}
	synctest.Wait()
	v.check()
	v.freeze()
}

// changeFault draws a new fault mode when it is time.
func (v *virtualRun) changeFault() {
	v.mode.lasted++
	if v.mode.left--; v.mode.left > 0 {
		return
	}
	v.mode = drawFaultMode(v.random)
	v.mode.since = time.Now()
	v.receiver.SetFault(v.mode.fault)
	v.receiver.FailNext(v.mode.next...)
}

// freeze is the time until the next invocation. Connections may end, and the environment may be shut down.
func (v *virtualRun) freeze() {
	longest := 6 * time.Hour
	if v.platform.dense && v.random.IntN(50) > 0 {
		longest = densePeriod / 5
	}
	time.Sleep(time.Duration(math.Pow(float64(longest/time.Millisecond), v.random.Float64())) * time.Millisecond)
	if v.random.IntN(4) == 0 {
		v.receiver.CutConnections()
	}
	if v.random.IntN(25) == 0 && (!v.platform.longLived || v.random.IntN(20) == 0) {
		v.begin()
		v.calls = nil
		v.shutdown()
	}
}

// shutdown ends the environment as the platform does, if there is a process.
func (v *virtualRun) shutdown() {
	if v.before.process == nil {
		return
	}
	if _, err := v.env.Shutdown(v.Context()); err != nil {
		v.Errorf("Shutdown: %v", err)
		v.stopIfFailed()
	}
	synctest.Wait()
	v.calls = nil
	v.check()
}

// stopIfFailed ends the run if anything has failed, and says how to repeat it.
func (v *virtualRun) stopIfFailed() {
	v.Helper()
	if !v.Failed() {
		return
	}
	var before []*call
	if v.previous != nil {
		before = v.previous.calls
	}
	v.Logf("repeat it with -run TestVirtual -args -seed %d -invocations %d\n"+
		"backend: %v\nplatform: %v\ncalls: %v\nthose before: %v\nevents:\n%s",
		v.seed, v.invocations, v.mode, v.platform, v.calls, before, v.log)
	_ = v.env.Close()
	_ = v.receiver.Close()
	time.Sleep(time.Minute)
	v.FailNow()
}
