package integration

import (
	"testing"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest/xraydaemon"
)

// A function for which only the variables are set that Lambda sets itself sends its spans to the X-Ray daemon: after the
// response, before a panic and a refused response end the process, and at SIGTERM.
func TestXRayDaemonWithAChild(t *testing.T) {
	for name, calls := range map[string][]call{
		"responses and errors": {ok, fails, streams, ok},
		"a panic":              {panics, ok},
		"413":                  {tooLarge, ok},
		"a timeout":            {timesOut, ok},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); withDaemon(t, calls) })
	}
}

func withDaemon(t *testing.T, calls []call) {
	t.Helper()
	var daemon *xraydaemon.Daemon
	sc := scenario{Listen: func(r *run) ([]string, func()) {
		daemon = xraydaemon.New(xraydaemon.Config{Log: r.Log})
		r.Error(daemon.Listen("127.0.0.1:0"))
		return []string{"AWS_XRAY_DAEMON_ADDRESS=" + daemon.Address()}, func() { r.Error(daemon.Close()) }
	}}
	sc.Arrived = func() []harness.Span { return daemon.Spans() }
	spans := 1 // of the first process's initialization
	for _, c := range calls {
		spans += c.Spans
		sc.Steps = append(sc.Steps, invoke(c), arrivedByUDP(&daemon, spans))
		if c.Exit != nil {
			spans++ // of the next one's
		}
	}
	sc.Steps = append(sc.Steps, shutdown, func(r *run) { datagrams(r.Events(), r) })
	withChild(t, sc)
}

// arrivedByUDP waits for spans before the next invocation, or the log could not tell their datagrams apart.
func arrivedByUDP(daemon **xraydaemon.Daemon, n int) step {
	return func(r *run) {
		_, err := (*daemon).WaitSpans(r.Context(), n)
		r.Error(err)
	}
}

// datagrams: none is refused, and none is read before the outcome of its invocation was posted, unless that is allowed.
func datagrams(ev *harness.Events, r *run) {
	if e := ev.Next(-1, harness.Of(xraydaemon.KindRefused)); e != nil {
		r.Errorf("the daemon has refused a datagram: %v", e)
	}
	for _, inv := range ev.Invocations() {
		if inv.Posted == nil || ev.Allow.Early[inv.ID] {
			continue
		}
		if e := ev.Next(inv.Released.Seq, harness.Of(xraydaemon.KindDatagram)); e != nil && e.Seq < inv.Posted.Seq {
			r.Errorf("%s: %s before the outcome was posted", inv.ID, e.Detail)
		}
	}
}
