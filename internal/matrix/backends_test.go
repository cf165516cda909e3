package matrix

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// backend is a backend with its fault. The fault lasts from the freeze before the invocation with the end
// until that invocation is over or its process has ended.
type backend struct {
	name  string // of the column
	doc   string
	every bool // platform has it, also one without all backends

	always harness.Fault   // all the time
	first  []harness.Fault // of the first requests of spans and of log records in the bad time, or after it if there are none
	bad    harness.Fault   // of all requests of the bad time

	once        bool // only one of first counts for log records: after two lost answers a flush keeps them for the next one
	cut         bool // each freeze ends all connections
	unreachable bool // no request ever gets there
	rejects     bool // it keeps a request except for one span
	refuses     bool // it never wants the request again
	unresolved  bool // its name has no address
	listen      func(*harness.Run) (env []string, stop func())
}

var (
	unavailable = harness.Fault{Status: http.StatusServiceUnavailable}
	reset       = harness.Fault{Cut: otlpreceiver.BeforeStore}
)

var backends = []backend{
	{name: "up", doc: "answers", every: true},
	{name: "slow", doc: "always takes 100 ms to answer", always: harness.Fault{Delay: 100 * time.Millisecond}},
	{
		name: "503", doc: "refuses two requests with spans and two with log records with 503, then is up", every: true,
		first: []harness.Fault{unavailable, unavailable},
	},
	{
		name: "429", doc: "refuses one request with spans and one with log records with 429 and a Retry-After of one second, then is up",
		first: []harness.Fault{{Status: http.StatusTooManyRequests, RetryAfter: "1"}},
	},
	{
		name: "reset", doc: "resets two connections before it has kept their spans, and one before it has kept its log records, then is up",
		first: []harness.Fault{reset, reset}, once: true,
	},
	{name: "closed", doc: "closes all connections in each freeze", cut: true},
	{
		name: "hangs", doc: "answers nothing, and is up again when the invocation is over", every: true,
		bad: harness.Fault{Hang: true},
	},
	{name: "TLS", doc: "always has a certificate of an unknown authority", unreachable: true, listen: untrusted},
	{name: "DNS", doc: "always has a name that does not resolve", unreachable: true, unresolved: true},
	{
		name: "partial", doc: "rejects one item of each request with spans or log records, and is up again when the invocation is over",
		bad: harness.Fault{Rejected: 1, Message: "too old"}, rejects: true,
	},
	{
		name: "400", doc: "refuses all requests for good, and is up again when the invocation is over",
		bad: harness.Fault{Status: http.StatusBadRequest, Message: "no such tenant"}, refuses: true,
	},
}

// untrusted serves with a certificate that net/http/httptest has signed itself.
func untrusted(r *harness.Run) (env []string, stop func()) {
	listener, err := r.NewListener()
	r.Error(err)
	server := &httptest.Server{
		Listener: listener, Config: &http.Server{Handler: r.Receiver, ErrorLog: log.New(io.Discard, "", 0)},
	}
	server.StartTLS()
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + server.URL}, server.Close
}

// program is the function. A dial to an unreachable backend takes a moment: a flush that failed in no time would be over
// before the signal that a scenario sends during it.
func (b *backend) program(p harness.Process) {
	dial := p.Dial
	if b.unreachable {
		p.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(time.Millisecond)
			if b.unresolved {
				return nil, &net.OpError{
					Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: address, IsNotFound: true},
				}
			}
			return dial(ctx, network, address)
		}
	}
	harness.Programs["function"](p)
}

// begin makes the backend bad. With hold, the first requests with spans and with log records hang until the receiver's Release.
func (b *backend) begin(hold bool) harness.Step {
	return func(r *harness.Run) {
		for i, f := range b.firstOf(hold) {
			f.Only = otlpreceiver.Traces
			r.Receiver.FailNext(f)
			if i == 0 || !b.once {
				f.Only = otlpreceiver.Logs
				r.Receiver.FailNext(f)
			}
		}
		if b.bad == (harness.Fault{}) {
			return
		}
		bad := []otlpreceiver.Signal{otlpreceiver.Traces, otlpreceiver.Logs}
		if !b.rejects { // of the points of a collection, any may be the last one
			bad = append(bad, otlpreceiver.Metrics)
		}
		for _, signal := range bad {
			f := b.bad
			f.Only = signal
			r.Receiver.SetFault(f)
		}
	}
}

// firstOf returns the faults of the first requests.
func (b *backend) firstOf(hold bool) []harness.Fault {
	first := slices.Clone(b.first)
	if !hold {
		return first
	}
	switch {
	case len(first) > 0:
	case b.bad != (harness.Fault{}):
		first = []harness.Fault{b.bad}
	default:
		first = []harness.Fault{b.always}
	}
	first[0].Hang = true
	return first
}

// end ends the bad time.
func (b *backend) end(r *harness.Run) { r.Receiver.SetFault(b.always) }

// frozen is what the backend does while the environment is frozen.
func (b *backend) frozen(r *harness.Run) {
	if b.cut {
		r.Receiver.CutConnections()
	}
}
