package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// contest is the same work for the SDK's batch processor and for epilogue.
type contest struct {
	name string
	// drive does the work. A process that still runs after it is shut down.
	drive func(c *contestant)
	// timeout is the function's, if not contestTimeout: until then a busy machine has ended all those spans.
	timeout time.Duration
	// most is how long all of it may take for epilogue to be judged, if not zero: a machine on which it takes several times
	// as long as it should gives a process nothing like the 500 ms of its window.
	most time.Duration
	// proxied puts a proxy between the function and its backend.
	proxied bool
	// twice says that spans may arrive twice: in a shutdown, a request without an answer for half of the time is made again.
	twice bool
	// wait and held are what epilogue promises of the longest of the callers' waits, and of the times after a response.
	wait, held time.Duration
}

var contests = []contest{
	{
		name: "300 freezes in which all connections are closed", wait: time.Second, held: flushTimeout, proxied: true,
		drive: func(c *contestant) {
			for range 300 {
				c.send(order{})
				c.proxy.down()
				c.proxy.up()
			}
		},
	},
	{
		name: "300 freezes in which all connections are reset", wait: time.Second, held: flushTimeout,
		drive: func(c *contestant) {
			for range 300 {
				c.send(order{})
				c.receiver.CutConnections()
			}
		},
	},
	{
		name: "10,000 spans pending at SIGTERM, 100 ms away", wait: 6*time.Second + slack, held: flushTimeout,
		timeout: 6 * time.Second, most: 15 * time.Second, twice: true,
		drive: func(c *contestant) {
			c.receiver.SetFault(otlpreceiver.Fault{Hang: true})
			go c.at(lambdatest.KindSigterm, func() {
				c.receiver.SetFault(otlpreceiver.Fault{Delay: 100 * time.Millisecond})
				c.receiver.Unblock()
			})
			c.send(order{Spans: 10_000, Plain: true, Stay: true})
		},
	},
	{
		name: "one answer with 503", wait: time.Second, held: flushTimeout,
		drive: func(c *contestant) {
			c.receiver.FailNext(otlpreceiver.Fault{Status: http.StatusServiceUnavailable})
			c.send(order{})
		},
	},
	{
		name: "a backend that hangs for three invocations", wait: time.Second, held: flushTimeout + slack,
		drive: func(c *contestant) {
			c.receiver.SetFault(otlpreceiver.Fault{Hang: true})
			for range 3 {
				c.send(order{})
			}
			c.receiver.SetFault(otlpreceiver.Fault{})
			c.send(order{})
		},
	},
	{
		name: "an invocation that times out", wait: contestTimeout + slack, held: flushTimeout,
		drive: func(c *contestant) { c.send(order{Spans: 5, Stay: true}) },
	},
}

// contestTimeout is the function's, if a contest wants no other.
const contestTimeout = 2 * time.Second

// contestant is the function with one of the two ways of sending, and its backend.
type contestant struct {
	*run
	receiver *otlpreceiver.Receiver
	proxy    *proxy // nil if the contest wants none
}

// result is what came of it.
type result struct {
	ended, delivered, twice int
	roots, invocations      int // spans of invocations that arrived, and how many there should be
	timedOut                int
	wait, held              time.Duration // the longest
	took                    time.Duration // all of it
}

// Compared with the SDK's batch processor and otlptracehttp on the same work, epilogue delivers everything, and no caller waits
// for it. The table is in docs/reliability.md.
func TestBesideTheBatchProcessor(t *testing.T) {
	path := build(t, ".", "./function", nil, nil) // without the race detector, which would slow the one down more than the other
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "|\t| batch processor\t| epilogue\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|")
	for _, c := range contests { // one after the other: each has the machine for itself
		fmt.Fprintf(w, "| %s", c.name)
		for _, sender := range []string{"sdk", "epilogue"} {
			t.Run(c.name+"/"+sender, func(t *testing.T) {
				r := c.run(t, path, sender)
				fmt.Fprintf(w, "\t| %s", r)
				switch {
				case sender != "epilogue":
				case c.most > 0 && r.took > c.most:
					t.Logf("%s; all of it took %s on this machine: it proves nothing", r, r.took)
				default:
					r.check(t, c)
				}
			})
		}
		fmt.Fprintln(w, "\t|")
	}
	_ = w.Flush()
	t.Logf("\n%s", &table)
}

func (r result) String() string {
	s := fmt.Sprintf("%d of %d spans, %d of %d roots", r.delivered, r.ended, r.roots, r.invocations)
	if r.timedOut > 0 {
		s += fmt.Sprintf("; %d timed out", r.timedOut)
	}
	return s + fmt.Sprintf("; the caller waits %s at most", r.wait.Round(time.Millisecond))
}

// check holds epilogue to its promises.
func (r result) check(t *testing.T, c contest) {
	t.Helper()
	if r.delivered != r.ended || r.roots != r.invocations || r.twice != 0 && !c.twice {
		t.Errorf("%s, %d spans too many", r, r.twice)
	}
	if r.wait > c.wait || r.held > c.held {
		t.Errorf("%s, with at most %s after the response; want %s and %s", r, r.held, c.wait, c.held)
	}
}

// run has the sender do the contest's work.
func (c contest) run(t *testing.T, path, sender string) result {
	t.Helper()
	receiver := otlpreceiver.New(otlpreceiver.Config{})
	if err := receiver.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	backend, proxy := receiver.Endpoint(), (*proxy)(nil)
	if c.proxied {
		proxy = startProxy(t, backend)
		backend = proxy.url()
	}
	config := lambdatest.Config{MemorySize: 1024, Timeout: cmp.Or(c.timeout, contestTimeout)}
	me := &contestant{start(t, path, backend, config, "E2E_SENDS_BY="+sender), receiver, proxy}
	began := time.Now()
	c.drive(me)
	if _, err := me.lambda.Shutdown(me.ctx); err != nil && !errors.Is(err, lambdatest.ErrNotRunning) {
		t.Errorf("shutdown: %v", err)
	}
	if err := errors.Join(me.lambda.Close(), receiver.Close()); err != nil {
		t.Errorf("close: %v", err)
	}
	took := time.Since(began)
	r := me.result(len(readRecord(t, me.record)))
	r.took = took
	return r
}

// at calls do when the log says what.
func (c *contestant) at(what eventlog.Kind, do func()) {
	if _, err := c.lambda.Log().Wait(c.ctx, 0, func(e eventlog.Event) bool { return e.Kind == what }); err == nil {
		do()
	}
}

// result counts what ended, by the function's record, and what arrived.
func (c *contestant) result(ended int) result {
	r := result{ended: ended}
	seen := map[string]bool{}
	for _, s := range c.receiver.Spans() {
		if seen[s.SpanID] {
			r.twice++
			continue
		}
		seen[s.SpanID] = true
		r.delivered++
		if _, root := s.Attributes["faas.invocation_id"]; root {
			r.roots++
		}
	}
	for _, i := range lambdatest.Invocations(c.lambda.Log().Events()) {
		r.invocations++
		r.wait = max(r.wait, i.Answered.Sub(i.Released))
		r.held = max(r.held, i.AfterResponse)
		if i.TimedOut {
			r.timedOut++
		}
	}
	return r
}
