package integration

import (
	"fmt"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// instances is a process on Managed Instances for n invocations at once.
func instances(n int) lambdatest.Config {
	return lambdatest.Config{ManagedInstances: true, Concurrency: n}
}

// Nothing is flushed at the end of an invocation on Managed Instances, so no phase is held.
var (
	okManaged      = held(ok, 0)
	failsManaged   = held(fails, 0)
	streamsManaged = held(streams, 0)
)

// managed are scenarios of Managed Instances: several invocations at once in a process that does not freeze.
var managed = []scenario{
	{
		Name:   "Managed Instances",
		Config: instances(3),
		Allow:  allow{Background: true},
		Steps: steps(
			together(okManaged, failsManaged, streamsManaged), registeredForNothing, shutdown),
	},
	{
		Name:   "Managed Instances, 64 at once",
		Config: instances(64),
		Allow:  allow{Background: true},
		Steps:  steps(together(traced(64)...), shutdown, parents),
	},
	{
		Name:   "Managed Instances, the timer flushes",
		Config: instances(2),
		Env:    []string{"OTEL_BSP_SCHEDULE_DELAY=300"},
		Allow:  allow{Background: true},
		Steps: steps(
			together(okManaged, failsManaged), harness.WaitArrived(5),
			together(streamsManaged), harness.WaitArrived(7), shutdown),
	},
	{
		Name:   "Managed Instances, a panic during others",
		Config: instances(4),
		Allow:  allow{Background: true},
		Steps: steps(
			harness.InvokeDuring(panics, taking(okManaged, "ok", time.Second), taking(streamsManaged, "stream", time.Second),
				flushedFirst(taking(fails, "fail", 2500*ms))),
			together(okManaged), shutdown),
	},
	{
		Name:   "Managed Instances, a response refused with 413 during others",
		Config: instances(3),
		Allow:  allow{Background: true},
		Steps: steps(
			harness.InvokeDuring(held(tooLarge, 0), taking(okManaged, "ok", time.Second), taking(streamsManaged, "stream", time.Second)),
			together(okManaged), shutdown),
	},
	{
		Name:   "Managed Instances, a response refused with 410 during others",
		Config: instances(3),
		Allow:  allow{Background: true},
		Steps:  steps(lateResponse, together(okManaged), shutdown),
	},
}

// lateResponse: an invocation returns after its deadline, while another, which started a second later, still has time.
func lateResponse(r *run) {
	tardy := exits(late(-50*ms), 1)
	tardy.ErrorType, tardy.Answer, tardy.Held = timedOut, "", 0
	tardy.Response, tardy.TimesOut = harness.Timeout, true // when the environment gives up on it
	first := r.Start(tardy)
	r.WaitStarted(1)
	r.Call(taking(okManaged, "ok", time.Second))
	second := r.Start(taking(okManaged, "ok", 2500*ms))
	first()
	second()
	r.WaitExit()
}

// registeredForNothing: the extension subscribes to no event.
func registeredForNothing(r *run) {
	for _, e := range r.Log.Events() {
		if e.Kind == lambdatest.KindExtensionRegistered && e.Detail != "" {
			r.Errorf("the extension registered for %q; want nothing", e.Detail)
		}
	}
}

// traced are n calls, each with an X-Ray header of its own, that overlap on a busy machine too.
func traced(n int) (calls []call) {
	for i := range n {
		c := taking(okManaged, "ok", time.Second/2)
		c.Trace = fmt.Sprintf("Root=1-5759e988-%024x;Parent=%016x;Sampled=1", i+1, i+1)
		calls = append(calls, c)
	}
	return calls
}

// parents compares the parent of each invocation's span with the header that came with the invocation.
func parents(r *run) {
	headers, compared := make(map[string]string), 0
	for _, m := range r.Calls {
		headers[m.ID] = m.Trace
	}
	for _, s := range r.Receiver.Spans() {
		id, _ := s.Attributes["faas.invocation_id"].(string)
		if id == "" {
			continue
		}
		compared++
		if got := fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=1", s.TraceID[:8], s.TraceID[8:], s.ParentSpanID); got != headers[id] {
			r.Errorf("%s: the span's parent is %s; want %s", id, got, headers[id])
		}
	}
	if compared != len(r.Calls) {
		r.Errorf("%d spans of invocations arrived; want %d", compared, len(r.Calls))
	}
}
