package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// call is an invocation that is made.
type call struct {
	id     string
	end    end
	order  order
	signal string // sent while its handler runs ("handler") or its flush ("flush"); empty: none
}

func (c *call) String() string { return fmt.Sprintf("%s: %+v, signal in %q", c.id, c.order, c.signal) }

// drawCalls draws the invocations of a step: mostly one.
func (w *walk) drawCalls() []*call {
	n := 1
	if w.random.IntN(40) == 0 {
		n = 2 + w.random.IntN(4)
	}
	calls := make([]*call, n)
	for i := range calls {
		calm := n > 1 || w.platform.calm && w.random.IntN(20) > 0
		c := &call{id: fmt.Sprint("request-", w.invocations+i+1), end: drawEnd(w.random, calm)}
		c.order = order{Do: c.end.do, Spans: w.drawSpans(), Pause: ms(w.random, 0, 100), Size: w.platform.large}
		if c.end.do == "late" {
			c.order.Pause = timeout - w.platform.hold - ms(w.random, 70, 250)
		}
		if w.random.IntN(40) == 0 {
			c.order.Left = ms(w.random, 1, int(longestStraggler/time.Millisecond)-1)
		}
		if n == 1 && w.platform.steady && !c.end.kills && !c.end.grace && c.end.do != "late" && w.random.IntN(60) == 0 {
			c.signal = "handler"
			if w.weather.takesTime() && w.random.IntN(2) == 0 {
				c.signal = "flush"
			}
		}
		calls[i] = c
	}
	return calls
}

// expectStragglers notes that spans may end in this step that were left behind, by it or by those before.
func (w *walk) expectStragglers() {
	w.began = time.Now()
	if !w.began.Before(w.until) {
		w.stragglers = 0
	}
	for _, c := range w.calls {
		if c.order.Left > 0 {
			w.stragglers++
		}
	}
}

// drawSpans draws how many spans an invocation ends: few, many, or none.
func (w *walk) drawSpans() int {
	switch w.random.IntN(10) {
	case 0:
		return w.random.IntN(mostSpans + 1)
	case 1:
		return 0
	default:
		return w.random.IntN(6)
	}
}

// invoke makes c and compares its answer.
func (w *walk) invoke(c *call) {
	payload, err := json.Marshal(c.order)
	if err != nil {
		panic(err) // numbers and a word
	}
	if c.end.grace {
		payload = []byte(`{"do":7}`)
	}
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	if c.signal != "" {
		go w.interrupt(ctx, c)
	}
	resp, err := w.env.Invoke(ctx, lambdatest.Invocation{RequestID: c.id, Payload: payload})
	if c.signal == "flush" && err == nil {
		err = w.env.WaitIdle(ctx)
	}
	expected := c.end.answers
	if c.signal != "" { // a flush may come before the response, too
		expected = append(slices.Clone(expected), exitError)
	}
	if err != nil || !slices.Contains(expected, resp.ErrorType) {
		w.Errorf("%v: answered %q %.200s, %v; want one of %q", c, resp.ErrorType, resp.Payload, err, expected)
	}
}

// interrupt sends SIGTERM while c is under way.
func (w *walk) interrupt(ctx context.Context, c *call) {
	awaited := lambdatest.KindInvocationReleased
	if c.signal == "flush" {
		awaited = otlpreceiver.KindExportBegun
	}
	if _, err := w.log.Wait(ctx, w.mark, func(e eventlog.Event) bool { return e.Kind == awaited }); err != nil {
		return // there was no flush
	}
	if c.signal == "handler" {
		time.Sleep(c.order.Pause / 2)
	}
	if ctx.Err() != nil {
		return
	}
	w.log.Add(eventlog.Event{Kind: invariant.KindSignal, Detail: "terminated"})
	_ = w.env.Signal(syscall.SIGTERM) // the process may have ended meanwhile
}
