package soak

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const (
	mostSpans     = 60                     // of an invocation
	longestBehind = 400 * time.Millisecond // for which a goroutine goes on after its handler
)

// environment lasts for some invocations and several processes. The goroutine of the scenario owns it.
type environment struct {
	*platform
	*harness.Run // of the scenario
	random       *rand.Rand
	sum          *summary
	mode         *faultMode

	calls       []harness.Call // of the current step
	functions   []*harness.Function
	behind      int // spans that the last calls have left behind, and that may be open
	behindUntil time.Time
	account     account
}

func newEnvironment(r *rand.Rand, extensions string, sum *summary) *environment {
	return &environment{
		platform: drawPlatform(r, extensions), random: r, sum: sum, mode: new(faultMode), account: newAccount(),
	}
}

func (e *environment) scenario() harness.Scenario {
	return harness.Scenario{
		Main: func(p harness.Process) {
			f := harness.Start(p)
			e.functions = append(e.functions, f)
			if e.handler {
				f.Serve(harness.BytesHandler{Function: f})
			} else {
				f.Serve(f.Handle)
			}
		},
		Config: e.config, Ignore: ignored, Unchecked: true,
		Allow: harness.Allow{
			Background: !e.held, // see platform.held
			Pauses:     true,    // the backend is not always up
			Early:      make(map[string]bool),
		},
		Steps: []harness.Step{func(r *harness.Run) {
			began := time.Now()
			e.Run = r
			for ; e.left > 0 && r.Context().Err() == nil; e.left-- {
				e.step()
			}
			e.shutdown()
			e.sum.virtual += time.Since(began)
		}},
	}
}

// ignored are events that the rules do not see: the other extension's; those of requests that were under way in a freeze,
// whose client has given them up, since the backend learns of that late; and net/http's attempts to connect for them.
func ignored(events []eventlog.Event) func(eventlog.Event) bool {
	open, given := make(map[string]bool), make(map[string]bool)
	for _, x := range events {
		switch n := number(x.Detail); x.Kind {
		case otlpreceiver.KindExportBegun:
			open[n] = true
		case otlpreceiver.KindExportDone, otlpreceiver.KindExportRefused:
			delete(open, n)
		case lambdatest.KindFreeze:
			maps.Copy(given, open)
		}
	}
	return func(x eventlog.Event) bool {
		return given[number(x.Detail)] || x.Kind == lambdatest.KindExtensionNext && x.Who == externalExtension
	}
}

// current is the function of the process that runs; nil if there is none.
func (e *environment) current() *harness.Function {
	if len(e.functions) == 0 {
		return nil
	}
	f := e.functions[len(e.functions)-1]
	select {
	case <-f.Ended:
		return nil
	default:
		return f
	}
}

// step is one invocation, or several at once, and the freeze after it.
func (e *environment) step() {
	if e.mode.left--; e.mode.left <= 0 {
		e.mode = drawFaultMode(e.random)
		e.mode.since = time.Now()
		e.Receiver.SetFault(e.mode.fault)
		e.Receiver.FailNext(e.mode.next...)
	}
	e.mode.lasted++
	before := e.look()
	if !time.Now().Before(e.behindUntil) {
		e.behind = 0
	}
	signaled := e.drawCalls(before)
	wait := e.Start(e.calls...)
	if signaled > 0 {
		e.Wait(before.seq, harness.Line(harness.HandlerStarted))
		time.Sleep(signaled)
		harness.Signal(syscall.SIGTERM)(e.Run)
	}
	wait()
	e.WaitIdle()
	synctest.Wait()
	e.check(before)
	e.behindUntil = time.Now().Add(longestBehind)
	e.freeze()
}

// drawCalls draws the invocations of a step, mostly one. If it returns a time, SIGTERM follows the start of the handler by
// that time.
func (e *environment) drawCalls(before moment) (signaled time.Duration) {
	n := 1
	if e.random.IntN(40) == 0 {
		n = 2 + e.random.IntN(4)
	}
	e.calls = nil
	waiting, records := before.stats.Pending, before.stats.Logs.Pending
	for range n {
		end := drawEnd(e.random, n > 1 || e.longLived && e.random.IntN(20) > 0)
		command := harness.Command{Do: end.do, Spans: e.drawSpans(), Logs: e.drawSpans(), Series: e.random.IntN(4), Pause: ms(e.random, 0, 100), Size: e.large}
		if end.do == "late" {
			command.Left = e.hold + ms(e.random, 70, 250)
		}
		if e.random.IntN(40) == 0 && e.held {
			command.Behind = []time.Duration{ms(e.random, 1, int(longestBehind/time.Millisecond)-1)}
			e.behind++
		}
		c := harness.Call{Name: end.do, Payload: command.Payload(), Inspect: func([]byte) error { return nil }}
		if end.notStarted {
			c.Payload = `{"do":7}`
		}
		c.ErrorType, c.TimesOut = end.answer, end.hangs
		if end.kills {
			code := end.code
			if end.hangs && e.unregistered() {
				code = -1
			}
			c.Exit = &code
		}
		if n == 1 && e.held && !end.kills && !end.notStarted && end.do != "late" && e.random.IntN(60) == 0 {
			signaled, c.MayExit = command.Pause/2, true
		}
		waiting += int64(command.Spans + len(command.Behind) + 2)
		records += int64(command.Logs + 1)
		c.Early = !e.held || e.handler || end.kills || end.do == "late"
		e.calls = append(e.calls, c)
	}
	if max(waiting, records) >= int64(e.queue/2) { // an export begins before the response
		for i := range e.calls {
			e.calls[i].Early = true
		}
	}
	e.sum.invocations += n
	return signaled
}

// drawSpans draws how many spans or log records an invocation ends: few, many, or none.
func (e *environment) drawSpans() int {
	switch e.random.IntN(10) {
	case 0:
		return e.random.IntN(mostSpans + 1)
	case 1:
		return 0
	default:
		return e.random.IntN(6)
	}
}

// freeze is the time until the next invocation. Connections may end, and the environment may be shut down.
func (e *environment) freeze() {
	longest := 6 * time.Hour
	if e.dense && e.random.IntN(50) > 0 {
		longest = densePeriod / 5
	}
	time.Sleep(time.Duration(math.Pow(float64(longest/time.Millisecond), e.random.Float64())) * time.Millisecond)
	if e.random.IntN(4) == 0 {
		e.Receiver.CutConnections()
	}
	if e.random.IntN(25) == 0 && (!e.longLived || e.random.IntN(20) == 0) {
		e.shutdown()
	}
}

// shutdown ends the process as the platform does, if there is one.
func (e *environment) shutdown() {
	if e.current() == nil {
		return
	}
	before := e.look()
	e.calls = nil
	code := 0
	if e.unregistered() {
		code = -1
	}
	harness.ShutdownWith(code)(e.Run)
	synctest.Wait()
	e.check(before)
}

// unregistered reports whether the platform knows no extension, and so sends SIGKILL alone.
func (e *environment) unregistered() bool {
	f := e.config.Faults.Register
	return f.Status != 0 && f.Times == 0 && !e.external
}

// starts reports whether a handler starts in this step.
func (e *environment) starts() bool {
	return !slices.ContainsFunc(e.calls, func(c harness.Call) bool { return c.Name == "undecodable" })
}
