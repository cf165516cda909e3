package soak

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const (
	childTimeout = 5 * time.Second // of the function; a busy machine may keep a child from running for a second
	childFlush   = 150 * time.Millisecond
	childGrace   = 100 * time.Millisecond
	childWindow  = 2 * time.Second // a busy machine may be slow; the agent keeps to its 450 ms
	gaugeEvery   = 20              // invocations
)

// childWalk drives one child after the other: in its first four fifths invocations that leave the process alive, so
// that it can be seen whether it stays as it is; in the last fifth all.
type childWalk struct {
	*testing.T
	ctx      context.Context
	random   *rand.Rand
	log      *eventlog.Log
	env      *lambdatest.Environment
	receiver *otlpreceiver.Receiver
	weather  *condition

	process  *childLedger    // of the current process; nil before its first reply
	gone     map[string]bool // instances of processes that have ended
	children int
	deaths   map[int]int // by exit code
	made     map[string]int
	spans    int
	flat     childGauges // of the process that lives long
	figures  string
}

func TestChild(t *testing.T) {
	for _, seed := range seeds()[:1] {
		binary, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		w := &childWalk{
			T: t, ctx: t.Context(), random: rand.New(rand.NewPCG(seed, seed)), log: new(eventlog.Log), weather: &condition{},
			gone: make(map[string]bool), deaths: make(map[int]int), made: make(map[string]int),
		}
		w.receiver = otlpreceiver.New(otlpreceiver.Config{Log: w.log})
		if err := w.receiver.Listen("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		w.env, err = lambdatest.New(lambdatest.Config{
			Timeout: childTimeout, ShutdownWindow: childWindow, Seed: seed,
			Log: w.log, Stderr: &invariant.Transcript{Log: w.log},
			Env: []string{
				childMain + "=true", "OTEL_EXPORTER_OTLP_ENDPOINT=" + w.receiver.Endpoint(),
				"EPILOGUE_FLUSH_STRATEGY=" + []string{"periodic,1s", "end", "adaptive,1s"}[seed%3],
				"EPILOGUE_FLUSH_TIMEOUT=" + childFlush.String(), "EPILOGUE_HANDLER_START_WAIT=" + childGrace.String(),
				"GORACE=atexit_sleep_ms=0", // or the race detector alone would take a second of the shutdown window
			},
		}, lambdatest.Command(binary))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		w.run(*childFlag)
		if err := errors.Join(w.env.Close(), w.receiver.Close()); err != nil {
			t.Error(err)
		}
		t.Logf("seed %d: %d invocations %v, %d processes (by exit code: %v), %d spans arrived, in %s\n%s",
			seed, *childFlag, w.made, w.children, w.deaths, w.spans, time.Since(began).Round(time.Millisecond), w.figures)
	}
}

func (w *childWalk) run(n int) {
	calm := n - n/5
	w.warmUp()
	for i := range n {
		w.step(i, i < calm)
		if w.Failed() {
			w.Logf("at invocation %d, collector: %v\n%s", i, w.weather, w.log)
			return
		}
		if i == calm-1 {
			w.flat.judge(w.T)
			w.figures = w.flat.String()
		}
	}
	w.shutdown()
}

// warmUp fills the child's buffer and empties it, a few times, so that what is kept to be used again is there:
// memory for spans and for requests.
func (w *childWalk) warmUp() {
	w.weather = &condition{name: "warming up", left: 1}
	for range 3 {
		for _, status := range []int{http.StatusServiceUnavailable, 0} {
			w.receiver.SetFault(otlpreceiver.Fault{Status: status})
			mark := w.log.Add(eventlog.Event{Kind: "soak.step"}).Seq
			resp := w.invoke(mark, ends[0], order{Do: "ok", Spans: status * 5}, false)
			if err := w.env.WaitIdle(w.ctx); err != nil {
				w.Fatal(err)
			}
			w.settle(mark, end{do: "warm-up"}, resp)
		}
	}
}

// step is one invocation, and what the collector does during the freeze after it.
func (w *childWalk) step(i int, calm bool) {
	w.turn()
	mark := w.log.Add(eventlog.Event{Kind: "soak.step", Count: i}).Seq
	w.log.Trim(mark - remembered)
	e := drawEnd(w.random, calm)
	o := order{Do: e.do, Spans: w.random.IntN(8), Pause: ms(w.random, 0, 3), Size: 6<<20 + 101}
	switch {
	case e.do == "late": // costs a second
		e = ends[0]
		o.Do = e.do
	case i%gaugeEvery == 0:
		e = ends[0]
		o.Do = "gauge"
	}
	if w.random.IntN(20) == 0 {
		o.Left = ms(w.random, 1, 20)
	}
	w.made[o.Do]++
	signalled := !calm && e.do == "ok" && w.random.IntN(15) == 0
	resp := w.invoke(mark, e, o, signalled)
	if err := w.env.WaitIdle(w.ctx); err != nil {
		w.Fatal(err)
	}
	w.settle(mark, e, resp)
	if w.random.IntN(5) == 0 {
		w.receiver.CutConnections()
	}
	if !calm && w.random.IntN(40) == 0 {
		w.shutdown()
	}
}

// turn changes the weather when it is time.
func (w *childWalk) turn() {
	if w.weather.left--; w.weather.left > 0 {
		return
	}
	w.weather = drawCondition(w.random)
	f := &w.weather.fault
	f.Delay /= 10 // this time is real
	if f.Status == http.StatusTooManyRequests {
		f.RetryAfter = "1"
	}
	w.weather.next = nil
	w.receiver.SetFault(*f)
}

// invoke makes an invocation and compares its answer.
func (w *childWalk) invoke(mark int, e end, o order, signalled bool) lambdatest.Response {
	payload, err := json.Marshal(o)
	if err != nil {
		panic(err) // numbers and a word
	}
	if e.grace {
		payload = []byte(`{"do":7}`)
	}
	if signalled {
		go w.interrupt(mark)
	}
	resp, err := w.env.Invoke(w.ctx, lambdatest.Invocation{Payload: payload})
	expected := e.answers
	if signalled {
		expected = append(slices.Clone(expected), exitError)
	}
	if err != nil || !slices.Contains(expected, resp.ErrorType) {
		w.Errorf("%+v: answered %q %.200s, %v; want one of %q", o, resp.ErrorType, resp.Payload, err, expected)
	}
	return resp
}

// interrupt sends SIGTERM to a process that has an invocation.
func (w *childWalk) interrupt(mark int) {
	e, err := w.log.Wait(w.ctx, mark, func(e eventlog.Event) bool {
		return e.Kind == lambdatest.KindInvocationReleased || e.Kind == "soak.step" && e.Seq > mark
	})
	if err == nil && e.Kind == lambdatest.KindInvocationReleased {
		_ = w.env.Signal(syscall.SIGTERM) // the process may have ended
	}
}

// shutdown ends the environment as the platform does, if there is a process.
func (w *childWalk) shutdown() {
	mark := w.log.Add(eventlog.Event{Kind: "soak.step"}).Seq
	switch _, err := w.env.Shutdown(w.ctx); {
	case errors.Is(err, lambdatest.ErrNotRunning):
		return
	case err != nil:
		w.Fatal(err)
	}
	w.settle(mark, end{do: "shutdown"}, lambdatest.Response{FunctionError: "none"})
}

// settle enters what has arrived, and compares it with what the process has said.
func (w *childWalk) settle(mark int, e end, resp lambdatest.Response) {
	if resp.Cold || w.process == nil {
		w.process = newChildLedger(w.gone)
		w.children++
	}
	spans, _ := w.receiver.Drain()
	w.spans += len(spans)
	events := w.log.Since(mark)
	err := w.process.receive(spans)
	var r reply
	if resp.FunctionError == "" && e.do == "ok" && json.Unmarshal(resp.Payload, &r) == nil && r.PID != 0 {
		if w.alive(events) { // a reply may come after the last line, and tell of spans that ended after Shutdown
			err = errors.Join(err, w.process.hear(r.Account), w.flat.note(r))
		}
	}
	if x, ended := exitOf(events); ended {
		w.deaths[x.code]++
		err = errors.Join(err, w.process.end(w.log, mark, x, w.weather.well()))
		w.gone[w.process.instance] = true
		w.process = nil
	}
	if slices.ContainsFunc(events, func(e eventlog.Event) bool { return e.Kind == lambdatest.KindSigkill }) {
		err = errors.Join(err, errors.New("a process was killed"))
	}
	if err != nil {
		w.Errorf("%s: %v", e.do, err)
	}
}

func (w *childWalk) alive(events []eventlog.Event) bool {
	_, ended := exitOf(events)
	return !ended
}
