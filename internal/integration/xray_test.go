package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/lambdatest/xraydaemon"
)

// TestDaemonWithAChild: a function for which nothing is set but what Lambda sets itself sends its spans to the X-Ray daemon,
// after the response, before a panic and a refused response end the process, and at SIGTERM.
func TestDaemonWithAChild(t *testing.T) {
	for name, calls := range map[string][]call{
		"responses and errors": {succeeds, fails, streams, succeeds},
		"a panic":              {panics, succeeds},
		"413":                  {tooLarge, succeeds},
		"a timeout":            {timesOut, succeeds},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); withDaemon(t, calls) })
	}
}

// withDaemon makes calls with the test binary as the function, a daemon and no collector.
func withDaemon(t *testing.T, calls []call) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := &run{T: t, ctx: ctx, log: new(eventlog.Log)}
	d := xraydaemon.New(xraydaemon.Config{Log: r.log})
	if err := d.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	env, err := lambdatest.New(lambdatest.Config{
		Log: r.log, Stderr: &invariant.Transcript{Log: r.log}, Timeout: timeout, ShutdownWindow: childWindow,
		Env: []string{
			"AWS_XRAY_DAEMON_ADDRESS=" + d.Address(),
			childMain + "=function", "EPILOGUE_HANDLER_START_WAIT=" + childGrace.String(),
			"EPILOGUE_SHUTDOWN_BUDGET=" + childBudget.String(), "GORACE=atexit_sleep_ms=0",
		},
	}, lambdatest.Command(binary))
	if err != nil {
		t.Fatal(err)
	}
	r.env = env
	spans := 1 // of the first process's initialisation
	for _, c := range calls {
		r.send(c)
		spans += c.spans
		if _, err := d.WaitSpans(ctx, spans); err != nil { // before the next, or the log would not tell them apart
			t.Error(err)
		}
		if c.exit != nil {
			spans++ // of the next one's
		}
	}
	r.shutdown()
	if err := errors.Join(env.Close(), d.Close()); err != nil { // the daemon has kept what it has read
		t.Errorf("close: %v", err)
	}
	r.judgeDaemon(d.Spans())
	if t.Failed() {
		t.Logf("events:\n%s", r.log)
	}
}

// judgeDaemon is judge, without what a log says only of requests that are answered.
func (r *run) judgeDaemon(arrived []otlpreceiver.Span) {
	r.Helper()
	s := r.story()
	for name, holds := range invariant.Rules {
		if err := holds(s); err != nil {
			r.Errorf("%s: %v", name, err)
		}
	}
	if err := errors.Join(invariant.SpansAreDelivered(s, arrived), datagramsFollowTheResponse(s)); err != nil {
		r.Error(err)
	}
	r.compareExits(s)
	spans := r.wantedInits(s)
	for _, m := range r.calls {
		spans += m.spans
	}
	if len(s.EndedSpans()) != spans || len(arrived) != spans {
		r.Errorf("%d spans ended and %d arrived; want %d", len(s.EndedSpans()), len(arrived), spans)
	}
	if slices.ContainsFunc(s.Events, func(e eventlog.Event) bool { return e.Kind == xraydaemon.KindRefused }) {
		r.Error("the daemon has refused a datagram")
	}
}

// datagramsFollowTheResponse: none was read before the outcome of its invocation was posted, but for those that may be.
func datagramsFollowTheResponse(s *invariant.Story) (errs error) {
	for _, inv := range s.Invocations() {
		for _, e := range s.Events {
			if e.Kind == xraydaemon.KindDatagram && e.Seq > inv.Released.Seq && inv.Posted != nil && e.Seq < inv.Posted.Seq && !s.Permit.Early[inv.ID] {
				errs = errors.Join(errs, fmt.Errorf("%s: %s before the outcome was posted", inv.ID, e.Detail))
			}
		}
	}
	return errs
}
