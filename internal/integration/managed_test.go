package integration

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// atOnce is a process on Managed Instances for so many invocations.
func atOnce(n int) lambdatest.Config {
	return lambdatest.Config{ManagedInstances: true, Concurrency: n}
}

// Nothing is flushed at the end of an invocation there, so no phase is held.
var (
	managedSucceeds = succeeds.held(0)
	managedFails    = fails.held(0)
	managedStreams  = streams.held(0)
)

// managed are stories of Managed Instances: several invocations at once in a process that does not freeze.
var managed = []scenario{
	{
		name:   "Managed Instances",
		config: atOnce(3),
		permit: permit{beside: true},
		drive: func(r *run) {
			r.together(managedSucceeds, managedFails, managedStreams)
			r.compareRegistration("")
			r.shutdown()
		},
	},
	{
		name:   "Managed Instances, 64 at once",
		config: atOnce(64),
		permit: permit{beside: true},
		drive: func(r *run) {
			var calls []call
			for i := range 64 {
				c := managedSucceeds.lasting(time.Second / 2) // or a busy machine has none beside another
				c.trace = traceOf(i + 1)
				calls = append(calls, c)
			}
			r.together(calls...)
			r.shutdown()
			r.compareParents()
		},
	},
	{
		name:   "Managed Instances, the timer flushes",
		config: atOnce(2),
		env:    []string{"OTEL_BSP_SCHEDULE_DELAY=300"},
		permit: permit{beside: true},
		drive: func(r *run) {
			r.together(managedSucceeds, managedFails)
			r.awaitArrived(5)
			r.together(managedStreams)
			r.awaitArrived(7)
			r.shutdown()
		},
	},
	{
		name:   "Managed Instances, a panic beside others",
		config: atOnce(4),
		permit: permit{beside: true},
		drive: func(r *run) {
			r.beside(panics, managedSucceeds.lasting(time.Second), managedStreams.lasting(2*time.Second),
				fails.lasting(2500*time.Millisecond).flushedEarly())
			r.together(managedSucceeds)
			r.shutdown()
		},
	},
	{
		name:   "Managed Instances, a response refused with 413 beside others",
		config: atOnce(3),
		permit: permit{beside: true},
		drive: func(r *run) {
			r.beside(tooLarge.held(0), managedSucceeds.lasting(time.Second), managedStreams.lasting(2*time.Second))
			r.together(managedSucceeds)
			r.shutdown()
		},
	},
	{
		name:   "Managed Instances, a response refused with 410 beside others",
		config: atOnce(3),
		permit: permit{beside: true},
		drive:  besideALateResponse,
	},
}

// besideALateResponse: an invocation returns after its deadline, while another, begun a second later, still has time.
func besideALateResponse(r *run) {
	r.Helper()
	tardy := late(-50 * time.Millisecond).exiting(1)
	tardy.errorType, tardy.answer, tardy.after = timesOut.errorType, "", 0
	tardy.handler = timeout // when the environment gives up on it
	var wait sync.WaitGroup
	wait.Go(func() { r.answer(tardy) })
	r.awaitBegun(1)
	r.answer(managedSucceeds.lasting(time.Second))
	wait.Go(func() { r.answer(managedSucceeds.lasting(2500 * time.Millisecond)) })
	wait.Wait()
	r.awaitExit()
	r.together(managedSucceeds)
	r.shutdown()
}

// beside makes calls, and one that ends the process when the handlers of all of them have begun.
func (r *run) beside(last call, others ...call) {
	r.Helper()
	var wait sync.WaitGroup
	for _, c := range others {
		wait.Go(func() { r.answer(c) })
	}
	r.awaitBegun(len(others))
	r.answer(last)
	wait.Wait()
	r.awaitExit()
}

// awaitExit waits until the process has ended by itself, and the environment is idle.
func (r *run) awaitExit() {
	r.Helper()
	r.await(func(e eventlog.Event) bool { return e.Kind == lambdatest.KindProcessExit })
	r.idle()
}

// awaitBegun waits until so many handlers have begun in all.
func (r *run) awaitBegun(n int) {
	r.Helper()
	r.await(func(e eventlog.Event) bool {
		if e.Kind == invariant.KindSaid && strings.HasPrefix(e.Detail, handlerBegun) {
			n--
		}
		return n == 0
	})
}

// awaitArrived waits until so many spans are at the collector, by whatever requests.
func (r *run) awaitArrived(n int) {
	r.Helper()
	r.await(func(e eventlog.Event) bool {
		return e.Kind == otlpreceiver.KindExportDone && len(r.receiver.Spans()) >= n
	})
	r.compareArrived(n)
}

// compareRegistration compares what the extension subscribes to.
func (r *run) compareRegistration(events string) {
	r.Helper()
	for _, e := range r.log.Events() {
		if e.Kind == lambdatest.KindExtensionRegistered && e.Detail != events {
			r.Errorf("the extension registered for %q; want %q", e.Detail, events)
		}
	}
}

// traceOf is an X-Ray header that no other n has.
func traceOf(n int) string {
	return fmt.Sprintf("Root=1-5759e988-%024x;Parent=%016x;Sampled=1", n, n)
}

// compareParents compares the parent of each invocation's span with the header that came with it.
func (r *run) compareParents() {
	r.Helper()
	headers := make(map[string]string)
	for _, m := range r.calls {
		headers[m.id] = m.trace
	}
	compared := 0
	for _, s := range r.receiver.Spans() {
		id, _ := s.Attributes["faas.invocation_id"].(string)
		if id == "" {
			continue
		}
		compared++
		if got := fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=1", s.TraceID[:8], s.TraceID[8:], s.ParentSpanID); got != headers[id] {
			r.Errorf("%s: the span's parent is %s; want %s", id, got, headers[id])
		}
	}
	if compared != len(r.calls) {
		r.Errorf("%d spans of invocations arrived; want %d", compared, len(r.calls))
	}
}
