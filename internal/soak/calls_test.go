package soak

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const mostSpans = 60 // of an invocation

// call is an invocation that is made.
type call struct {
	id      string
	end     end
	command harness.Command
	signal  string // sent while its handler runs ("handler") or its flush ("flush"); empty: none
}

func (c *call) String() string {
	return fmt.Sprintf("%s: %+v, signal in %q", c.id, c.command, c.signal)
}

func (c *call) payload() []byte {
	if c.end.notStarted {
		return []byte(`{"do":7}`)
	}
	return []byte(c.command.Payload())
}

// drawCalls draws the invocations of a step: mostly one.
func (v *virtualRun) drawCalls() []*call {
	n := 1
	if v.random.IntN(40) == 0 {
		n = 2 + v.random.IntN(4)
	}
	calls := make([]*call, n)
	for i := range calls {
		surviving := n > 1 || v.platform.longLived && v.random.IntN(20) > 0
		c := &call{id: fmt.Sprint("request-", v.invocations+i+1), end: drawEnd(v.random, surviving)}
		c.command = harness.Command{Do: c.end.do, Spans: v.drawSpans(), Pause: ms(v.random, 0, 100), Size: v.platform.large}
		if c.end.do == "late" {
			c.command.Left = v.platform.hold + ms(v.random, 70, 250)
		}
		if v.random.IntN(40) == 0 {
			c.command.Behind = []time.Duration{ms(v.random, 1, int(longestBehind/time.Millisecond)-1)}
		}
		if n == 1 && v.platform.held && !c.end.kills && !c.end.notStarted && c.end.do != "late" && v.random.IntN(60) == 0 {
			c.signal = "handler"
			if v.mode.takesTime() && v.random.IntN(2) == 0 {
				c.signal = "flush"
			}
		}
		calls[i] = c
	}
	return calls
}

// expectBehind counts the spans that may end in this step because it, or a step before, has left them behind.
func (v *virtualRun) expectBehind() {
	if !time.Now().Before(v.behindUntil) {
		v.behind = 0
	}
	for _, c := range v.calls {
		v.behind += len(c.command.Behind)
	}
}

// drawSpans draws how many spans an invocation ends: few, many, or none.
func (v *virtualRun) drawSpans() int {
	switch v.random.IntN(10) {
	case 0:
		return v.random.IntN(mostSpans + 1)
	case 1:
		return 0
	default:
		return v.random.IntN(6)
	}
}

// invoke makes c and compares its answer.
func (v *virtualRun) invoke(c *call) {
	ctx, cancel := context.WithCancel(v.Context())
	defer cancel()
	if c.signal != "" {
		go v.interrupt(ctx, c)
	}
	resp, err := v.env.Invoke(ctx, lambdatest.Invocation{RequestID: c.id, Payload: c.payload()})
	if c.signal == "flush" && err == nil {
		err = v.env.WaitIdle(ctx)
	}
	if err != nil || !slices.Contains(c.answers(), resp.ErrorType) {
		v.Errorf("%v: answered %q %.200s, %v; want one of %q", c, resp.ErrorType, resp.Payload, err, c.answers())
	}
}

// answers are those that the caller may get. With a signal in the flush, the flush may come before the response too.
func (c *call) answers() []string {
	if c.signal == "" {
		return c.end.answers
	}
	return append(slices.Clone(c.end.answers), exitError)
}

// interrupt sends SIGTERM while c is under way.
func (v *virtualRun) interrupt(ctx context.Context, c *call) {
	awaited := lambdatest.KindInvocationReleased
	if c.signal == "flush" {
		awaited = otlpreceiver.KindExportBegun
	}
	if _, err := v.log.Wait(ctx, v.mark, harness.Of(awaited)); err != nil {
		return // there was no flush
	}
	if c.signal == "handler" {
		time.Sleep(c.command.Pause / 2)
	}
	if ctx.Err() != nil {
		return
	}
	v.log.Add(eventlog.Event{Kind: harness.KindSignal, Detail: "terminated"})
	_ = v.env.Signal(syscall.SIGTERM) // the process may have ended meanwhile
}
