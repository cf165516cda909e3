package soak

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

func init() {
	harness.Programs["soak"] = func(p harness.Process) { f := harness.New(p); f.Serve(f.Handle) } // no recorder: the receiver counts
}

const childTimeout = 5 * time.Second // of the function; a busy machine may keep a child from running for a second

// childRun drives one child after the other: in its first four fifths with invocations that leave the process alive, which
// show whether it stays as it is, and in the last fifth with all.
type childRun struct {
	*testing.T
	random   *rand.Rand
	log      *eventlog.Log
	env      *lambdatest.Environment
	receiver *otlpreceiver.Receiver
	mode     *faultMode

	process  *childCounts    // of the current process; nil before its first reply
	gone     map[string]bool // instances of processes that have ended
	children int
	exits    map[int]int // by exit code
	made     map[string]int
	spans    int
	gauges   childGauges // of the process that lives long
}

func TestChild(t *testing.T) {
	seed := seeds()[0]
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &childRun{
		T: t, random: rand.New(rand.NewPCG(seed, seed)), log: new(eventlog.Log),
		mode: &faultMode{name: "warming up", left: 1},
		gone: make(map[string]bool), exits: make(map[int]int), made: make(map[string]int),
	}
	c.receiver = otlpreceiver.New(otlpreceiver.Config{Log: c.log})
	if err := c.receiver.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	c.env, err = lambdatest.New(lambdatest.Config{
		Timeout: childTimeout, ShutdownWindow: 2 * time.Second, Seed: seed, Log: c.log, Stderr: &harness.LineWriter{Log: c.log},
		Env: slices.Concat(harness.ChildEnv("soak"), []string{
			harness.WithoutInitSpan + "=true", "OTEL_EXPORTER_OTLP_ENDPOINT=" + c.receiver.Endpoint(),
			"EPILOGUE_FLUSH_STRATEGY=" + []string{"periodic,1s", "end", "adaptive,1s"}[seed%3],
			"EPILOGUE_FLUSH_TIMEOUT=150ms", "EPILOGUE_HANDLER_START_WAIT=100ms", "EPILOGUE_SHUTDOWN_BUDGET=",
		}),
	}, lambdatest.Command(binary))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	c.run(*childFlag)
	if err := errors.Join(c.env.Close(), c.receiver.Close()); err != nil {
		t.Error(err)
	}
	t.Logf("seed %d: %d invocations %v, %d processes (by exit code: %v), %d spans arrived, in %s\n%s",
		seed, *childFlag, c.made, c.children, c.exits, c.spans, time.Since(began).Round(time.Millisecond), &c.gauges)
}

func (c *childRun) run(n int) {
	surviving := n - n/5
	c.warmUp()
	for i := range n {
		c.step(i, i < surviving)
		if c.Failed() {
			c.Logf("at invocation %d, backend: %v\n%s", i, c.mode, c.log)
			return
		}
		if i == surviving-1 {
			c.gauges.check(c.T)
		}
	}
	c.shutdown()
}

// warmUp fills the child's queue and empties it a few times, so that the memory that it keeps for later is there.
func (c *childRun) warmUp() {
	for range 3 {
		for _, status := range []int{http.StatusServiceUnavailable, 0} {
			c.receiver.SetFault(harness.Fault{Status: status})
			mark := c.log.Add(eventlog.Event{Kind: "soak.step"}).Seq
			resp := c.invoke(mark, call{end: ends[0], command: harness.Command{Do: "ok", Spans: status * 5}})
			c.check(mark, "warm-up", resp)
		}
	}
}

// step is one invocation, and what the backend does during the freeze after it.
func (c *childRun) step(i int, surviving bool) {
	c.changeFault()
	mark := c.log.Add(eventlog.Event{Kind: "soak.step", Count: i}).Seq
	c.log.Trim(mark - shownEvents)
	inv := call{end: drawEnd(c.random, surviving)}
	inv.command = harness.Command{
		Do: inv.end.do, Spans: c.random.IntN(8), Pause: ms(c.random, 0, 3), Size: harness.TooLarge, Left: childTimeout - 10*time.Millisecond,
	}
	if inv.end.do == "ok" {
		inv.command.Do = "report"
	}
	if c.random.IntN(20) == 0 {
		inv.command.Behind = []time.Duration{ms(c.random, 1, 20)}
	}
	c.made[inv.end.do]++
	if !surviving && inv.end.do == "ok" && c.random.IntN(15) == 0 {
		inv.signal = "handler"
	}
	c.check(mark, inv.end.do, c.invoke(mark, inv))
	if c.random.IntN(5) == 0 {
		c.receiver.CutConnections()
	}
	if !surviving && c.random.IntN(40) == 0 {
		c.shutdown()
	}
}

// changeFault draws a new fault mode when it is time.
func (c *childRun) changeFault() {
	if c.mode.left--; c.mode.left > 0 {
		return
	}
	c.mode = drawFaultMode(c.random)
	f := &c.mode.fault
	f.Delay /= 10 // this time is real
	if f.Status == http.StatusTooManyRequests {
		f.RetryAfter = "1"
	}
	c.mode.next = nil
	c.receiver.SetFault(*f)
}

// invoke makes an invocation, compares its answer, and waits until the environment is idle.
func (c *childRun) invoke(mark int, inv call) lambdatest.Response {
	if inv.signal != "" {
		go c.interrupt(mark)
	}
	resp, err := c.env.Invoke(c.Context(), lambdatest.Invocation{Payload: inv.payload()})
	if err != nil || !slices.Contains(inv.answers(), resp.ErrorType) {
		c.Errorf("%v: answered %q %.200s, %v; want one of %q", &inv, resp.ErrorType, resp.Payload, err, inv.answers())
	}
	if err := c.env.WaitIdle(c.Context()); err != nil {
		c.Fatal(err)
	}
	return resp
}

// interrupt sends SIGTERM to a process that has an invocation.
func (c *childRun) interrupt(mark int) {
	e, err := c.log.Wait(c.Context(), mark, func(e eventlog.Event) bool {
		return e.Kind == lambdatest.KindInvocationReleased || e.Kind == "soak.step" && e.Seq > mark
	})
	if err == nil && e.Kind == lambdatest.KindInvocationReleased {
		_ = c.env.Signal(syscall.SIGTERM) // the process may have ended
	}
}

// shutdown ends the environment as the platform does, if there is a process.
func (c *childRun) shutdown() {
	mark := c.log.Add(eventlog.Event{Kind: "soak.step"}).Seq
	switch _, err := c.env.Shutdown(c.Context()); {
	case errors.Is(err, lambdatest.ErrNotRunning):
		return
	case err != nil:
		c.Fatal(err)
	}
	c.check(mark, "shutdown", lambdatest.Response{})
}

// check compares the received spans with the process's counts.
func (c *childRun) check(mark int, what string, resp lambdatest.Response) {
	if resp.Cold || c.process == nil {
		c.process = newChildCounts(c.gone)
		c.children++
	}
	spans, _ := c.receiver.Drain()
	c.spans += len(spans)
	events := c.log.Since(mark)
	err := c.process.receive(spans)
	x, ended := exitOf(events)
	var report harness.Report
	// A reply may come after the last line, and count spans that ended after Shutdown.
	if !ended && resp.FunctionError == "" && json.Unmarshal(resp.Payload, &report) == nil && report.PID != 0 {
		err = errors.Join(err, c.process.compare(report.Stats), c.gauges.add(report))
	}
	if ended {
		c.exits[x.code]++
		err = errors.Join(err, c.process.end(c.log, mark, x, c.mode.up()))
		c.gone[c.process.instance] = true
		c.process = nil
	}
	if slices.ContainsFunc(events, harness.Of(lambdatest.KindSigkill)) {
		err = errors.Join(err, errors.New("a process was killed"))
	}
	if err != nil {
		c.Errorf("%s: %v", what, err)
	}
}
