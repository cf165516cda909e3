package harness

import (
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// Scenario is a function in its environment, with the steps and the expected results.
type Scenario struct {
	Name    string
	Program string        // one of Programs; default "function"
	Main    func(Process) // in memory alone: a program that is not in Programs
	Config  lambdatest.Config
	Env     []string // variables of the function, which win over those of the form
	Steps   []Step

	Allow     Allow    // besides the exceptions that follow from the expectations of its calls
	Logs      []string // texts that the function must have logged
	Unchecked bool     // the caller compares spans and times itself

	// Ignore reports events that the rules do not see; nil: none.
	Ignore func([]eventlog.Event) func(eventlog.Event) bool

	// Listen starts a backend other than the receiver on the run's network. It returns variables of the function, and a
	// function that stops the backend.
	Listen func(r *Run) (env []string, stop func())
	// Arrived returns the spans that such a backend has kept; nil: the receiver's.
	Arrived func() []otlpreceiver.Span
}

// Fault is how the backend treats requests.
type Fault = otlpreceiver.Fault

// Span is a span that has arrived.
type Span = otlpreceiver.Span

// Call is an invocation and its expectation.
type Call struct {
	Name    string // for messages
	ID      string // of the request; default: numbered
	Payload string
	Trace   string                     // X-Ray header; empty: none
	Inspect func(payload []byte) error // of the answer, instead of comparing it; nil: Expect.Answer
	Expect
}

// Expect is the expected result of an invocation.
type Expect struct {
	ErrorType string // what its caller is told; empty: Answer
	MayExit   bool   // or that the process has exited
	Answer    string
	Spans     int // that end
	Errors    int // of them, with status Error

	Response time.Duration // from the release to the post of the outcome, or to the end of the process
	Held     time.Duration // from there to the end of the phase
	AtMost   bool          // Held is an upper bound

	Early    bool // its spans may be exported before the outcome is posted
	TimesOut bool // its handler never returns
	Exit     *int // the process ends with this code
}

const (
	// StartWait is for how long the agent waits for a handler that does not start, by default.
	StartWait = 250 * time.Millisecond
	// Gap is the time between INVOKE and the invocation, by default.
	Gap = 5 * time.Millisecond
)

// times returns Response and Held as the order of INVOKE and invocation changes them.
func (e Expect) times(order lambdatest.Order) (response, held time.Duration) {
	response, held = e.Response, e.Held
	waits := held == StartWait // which counts from INVOKE
	switch order {
	case lambdatest.OrderInvokeFirst:
		if !e.TimesOut { // the deadline counts from the release
			response += Gap
		}
		if waits {
			held -= Gap
		}
	case lambdatest.OrderInvocationFirst:
		if waits {
			held += Gap
		}
	case lambdatest.OrderRandom, lambdatest.OrderInvokeLate, lambdatest.OrderInvokeLast:
	}
	return response, held
}
