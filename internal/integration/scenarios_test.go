package integration

import (
	"slices"
	"sync"
	"testing"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// Short names for what the scenarios are made of.
type (
	scenario = harness.Scenario
	step     = harness.Step
	fault    = harness.Fault
	run      = harness.Run
	allow    = harness.Allow
)

var (
	inMemory  = harness.InMemory
	withChild = harness.WithChild

	invoke   = harness.Invoke
	backend  = harness.SetFault
	next     = harness.FaultNext
	freeze   = harness.Freeze
	shutdown = step(harness.Shutdown)
	cut      = step(harness.CutConnections)
	repeat   = harness.Repeat
	together = harness.Together
)

func steps(s ...step) []step { return s }

func scenarios() []scenario {
	return slices.Concat(orders(), backends, registrations, settings, signals, timeouts, managed, streamings)
}

func TestInMemory(t *testing.T) {
	for _, sc := range scenarios() {
		t.Run(sc.Name, func(t *testing.T) { t.Parallel(); inMemory(t, sc) })
	}
}

// Children mostly wait, above all for timeouts. So more of them run at once than the machine has CPUs, and no test that
// computes runs at the same time.
func TestWithAChild(t *testing.T) {
	const atOnce = 3
	queue := make(chan scenario)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for sc := range queue {
				t.Run(sc.Name, func(t *testing.T) { withChild(t, sc) })
			}
		})
	}
	for _, sc := range scenarios() {
		queue <- sc
	}
	close(queue)
	all.Wait()
}

// orders are all outcomes with INVOKE before the handler, during it, after its response, and after the runtime has asked
// for the next invocation.
func orders() (all []scenario) {
	for order, name := range map[lambdatest.Order]string{
		lambdatest.OrderInvokeFirst:     "INVOKE before the handler",
		lambdatest.OrderInvocationFirst: "INVOKE during the handler",
		lambdatest.OrderInvokeLate:      "INVOKE after the response",
		lambdatest.OrderInvokeLast:      "INVOKE after the runtime's next",
	} {
		for _, outcome := range outcomes {
			all = append(all, scenario{
				Name: name + ", " + outcome.Name, Config: lambdatest.Config{Order: order},
				Steps: steps(invoke(ok, outcome, ok), shutdown),
			})
		}
	}
	return all
}
