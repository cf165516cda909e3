package soak

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/internal/memnet"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

const (
	collectorAddress = "collector:4318"
	mostSpans        = 60
	remembered       = 40 // events before the current invocation, for the report of a failure
	longestStraggler = 400 * time.Millisecond
)

// walk goes through virtual time. Its fields belong to the test's goroutine, but for those that say otherwise.
type walk struct {
	*testing.T
	seed       uint64
	random     *rand.Rand
	log        *eventlog.Log
	network    *memnet.Network
	receiver   *otlpreceiver.Receiver
	extensions string // a folder for platforms with a neighbour

	platform *platform
	env      *lambdatest.Environment
	weather  *condition

	invocations int // made
	calls       []*call
	mark        int    // the first event of the current step
	before      before // it
	earlier     *chapter
	stragglers  int           // that the last calls have left behind, and that may be about
	until       time.Time     // when they have ended
	began       time.Time     // the current step
	frozen      map[int]heard // of requests that were under way when the environment was frozen
	tally       tally         // for the report
	gauges      gauges

	mu        sync.Mutex
	processes int
	current   *ledger // of the last process; it may have ended
}

// before is the account when invocations begin.
type before struct {
	ledger    *ledger // nil: no process runs
	stats     otelx.Stats
	ended     int
	postponed int64 // flushes
}

// tally is what a walk has seen.
type tally struct {
	processes, spans, lost, copies, requests int
	postponed                                int // steps after which something waited for a later end
	exits                                    map[int]int
	virtual                                  time.Duration
}

func TestVirtual(t *testing.T) {
	for _, seed := range seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			extensions := t.TempDir()
			if err := neighbourhood(extensions); err != nil {
				t.Fatal(err)
			}
			started := time.Now()
			synctest.Test(t, func(t *testing.T) {
				w := newWalk(t, seed, extensions)
				defer func() { _ = w.receiver.Close() }()
				w.run(*virtualFlag)
			})
			t.Logf("%d invocations in %s", *virtualFlag, time.Since(started).Round(time.Millisecond))
		})
	}
}

func newWalk(t *testing.T, seed uint64, extensions string) *walk {
	w := &walk{
		T: t, seed: seed, random: rand.New(rand.NewPCG(seed, seed)), extensions: extensions,
		log: new(eventlog.Log), network: new(memnet.Network), weather: &condition{}, frozen: make(map[int]heard),
		tally: tally{exits: make(map[int]int)},
	}
	w.receiver = otlpreceiver.New(otlpreceiver.Config{Log: w.log})
	listener, err := w.network.Listen(collectorAddress)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.receiver.Serve(listener); err != nil {
		t.Fatal(err)
	}
	return w
}

// run makes n invocations, in one environment after the other.
func (w *walk) run(n int) {
	every := max(n/100, 1)
	begun := time.Now()
	for w.invocations < n {
		w.settleDown()
		for ; w.platform.left > 0 && w.invocations < n; w.platform.left-- {
			w.step()
		}
		w.moveOut()
		if w.gauges.due(w.invocations, every) {
			w.gauges.sample(w.invocations)
		}
	}
	w.tally.virtual = time.Since(begun)
	w.gauges.judge(w)
	w.Logf("seed %d: %d invocations, %d processes (by exit code: %v), %d spans ended, %d lost with their process, "+
		"%d requests, %d copies of spans; flushes were put off in %d steps; %s went by\n%s", w.seed, w.invocations,
		w.tally.processes, w.tally.exits, w.tally.spans, w.tally.lost, w.tally.requests, w.tally.copies,
		w.tally.postponed, w.tally.virtual.Round(time.Hour), &w.gauges)
}

// settleDown makes an environment.
func (w *walk) settleDown() {
	w.platform = drawPlatform(w.random, w.extensions)
	config := w.platform.config
	config.Log, config.Network, config.Stderr = w.log, w.network, &invariant.Transcript{Log: w.log}
	config.Env = append(config.Env, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+collectorAddress)
	env, err := lambdatest.New(config, lambdatest.Func(w.main))
	if err != nil {
		w.Fatal(err)
	}
	w.env = env
}

// main is a process.
func (w *walk) main(p *lambdatest.Process) {
	m := emulated(p)
	m.run(func(tel *otelx.SDK, ag *agent.Agent) sdktrace.SpanProcessor {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.processes++
		w.current = newLedger(w.processes, tel, ag, m)
		return w.current
	})
}

// moveOut ends an environment and waits for what its processes have been waiting for.
func (w *walk) moveOut() {
	w.mark = w.seq()
	w.remember()
	w.shutdown()
	if err := w.env.Close(); err != nil {
		w.Error(err)
	}
	w.env = nil
	time.Sleep(time.Minute)
	w.receiver.CutConnections()
	synctest.Wait()
}

// step is one invocation, or several at once, and the freeze after it.
func (w *walk) step() {
	w.turn()
	w.forget()
	w.mark = w.seq()
	w.remember()
	w.calls = w.drawCalls()
	w.expectStragglers()
	var wait sync.WaitGroup
	for _, c := range w.calls {
		w.invocations++
		wait.Go(func() { w.invoke(c) })
	}
	wait.Wait()
	if err := w.env.WaitIdle(w.Context()); err != nil {
		w.fail("WaitIdle: %v", err)
	}
	synctest.Wait()
	w.settle()
	w.rest()
}

// forget leaves of the log what is to be judged still, and what the report of a failure is to show.
func (w *walk) forget() {
	if w.earlier != nil {
		w.log.Trim(w.earlier.mark - remembered)
	}
}

// turn changes the weather when it is time.
func (w *walk) turn() {
	c := w.weather
	c.turns++
	if c.left--; c.left > 0 {
		return
	}
	c = drawCondition(w.random)
	c.since = time.Now()
	w.weather = c
	w.receiver.SetFault(c.fault)
	w.receiver.FailNext(c.next...)
}

// rest is the time until the next invocation: the environment is frozen, connections end, and it may be shut down.
func (w *walk) rest() {
	longest := 6 * time.Hour
	if w.platform.dense && w.random.IntN(50) > 0 {
		longest = densePeriod / 5
	}
	most := w.random.Float64()
	time.Sleep(time.Duration(math.Pow(float64(longest/time.Millisecond), most)) * time.Millisecond)
	if w.random.IntN(4) == 0 {
		w.receiver.CutConnections()
	}
	if w.random.IntN(25) == 0 && (!w.platform.calm || w.random.IntN(20) == 0) {
		w.mark = w.seq()
		w.remember()
		w.calls = nil
		w.shutdown()
	}
}

// shutdown ends the environment as the platform does, if there is a process.
func (w *walk) shutdown() {
	if w.before.ledger == nil {
		return
	}
	if _, err := w.env.Shutdown(w.Context()); err != nil {
		w.fail("Shutdown: %v", err)
	}
	synctest.Wait()
	w.calls = nil
	w.settle()
}

// seq is that of the next event.
func (w *walk) seq() int {
	return w.log.Add(eventlog.Event{Kind: "soak.step", Count: w.invocations}).Seq
}

// alive returns the ledger of the process that runs; nil: none.
func (w *walk) alive() *ledger {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == nil {
		return nil
	}
	select {
	case <-w.current.over:
		return nil
	default:
		return w.current
	}
}

// remember keeps the account as it is now.
func (w *walk) remember() {
	w.before = before{ledger: w.alive()}
	if l := w.before.ledger; l != nil {
		w.before.stats = l.tel.Stats()
		w.before.ended, _ = l.counts()
		w.before.postponed = l.agent.Stats().FlushesDeferred
	}
}

// fail ends the walk, and says all that is needed to take it again.
func (w *walk) fail(format string, args ...any) {
	w.Helper()
	w.Errorf(format, args...)
	w.giveUp()
}

// giveUp ends the walk if anything has failed.
func (w *walk) giveUp() {
	w.Helper()
	if !w.Failed() {
		return
	}
	var before []*call
	if w.earlier != nil {
		before = w.earlier.calls
	}
	w.Logf("take it again with -run TestVirtual -args -seed %d -invocations %d\n"+
		"collector: %v\nplatform: %v\ncalls: %v\nthose before: %v\nevents:\n%s",
		w.seed, w.invocations, w.weather, w.platform, w.calls, before, w.log)
	_ = w.env.Close()
	_ = w.receiver.Close()
	time.Sleep(time.Minute)
	w.FailNow()
}
