package integration

import (
	"slices"
	"sync"
	"testing"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// scenario is a function in its environment, and what is done to it.
type scenario struct {
	name   string
	main   string // one of mains; empty: "function"
	config lambdatest.Config
	env    []string // variables of the function
	permit permit   // but for what its calls permit
	says   []string // texts that the function has to have logged
	drive  func(r *run)
}

// permit is what a scenario excepts from the rules; see invariant.Permit.
type permit struct {
	beside bool
	twice  bool
	lost   int
}

func (sc scenario) mainName() string {
	if sc.main == "" {
		return "function"
	}
	return sc.main
}

// ordered is c with the times that the scenario's order of INVOKE and invocation makes of it.
func (sc scenario) ordered(c call) call {
	unheard := c.after == grace // the grace counts from INVOKE
	switch sc.config.Order {
	case lambdatest.OrderInvokeFirst:
		if !c.hangs() { // the deadline counts from the release
			c.handler += gap
		}
		if unheard {
			c.after -= gap
		}
	case lambdatest.OrderInvocationFirst:
		if unheard {
			c.after += gap
		}
	case lambdatest.OrderRandom, lambdatest.OrderInvokeLate, lambdatest.OrderInvokeLast:
	}
	return c
}

func scenarios() []scenario {
	return slices.Concat(orders(), collectors, registrations, variants, signals, timeouts, managed, streamings)
}

func TestInMemory(t *testing.T) {
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) { t.Parallel(); inMemory(t, sc) })
	}
}

// Children wait most of their time, above all for timeouts. So there are more of them at once than the machine has CPUs, and
// nothing beside them that computes.
func TestWithAChild(t *testing.T) {
	const atOnce = 4
	queue := make(chan scenario)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for sc := range queue {
				t.Run(sc.name, func(t *testing.T) { asChild(t, sc) })
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
func orders() []scenario {
	var all []scenario
	for order, name := range map[lambdatest.Order]string{
		lambdatest.OrderInvokeFirst:     "INVOKE before the handler",
		lambdatest.OrderInvocationFirst: "INVOKE during the handler",
		lambdatest.OrderInvokeLate:      "INVOKE after the response",
		lambdatest.OrderInvokeLast:      "INVOKE after the runtime's next",
	} {
		for _, outcome := range outcomes {
			all = append(all, scenario{
				name: name + ", " + outcome.name, config: lambdatest.Config{Order: order},
				drive: func(r *run) { r.send(succeeds, outcome, succeeds); r.shutdown() },
			})
		}
	}
	return all
}
