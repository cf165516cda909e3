package agent_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// endFlushes fails if one of the invocations was not flushed by its own End: after its response, before the runtime
// asked for the next invocation.
func (w *run) endFlushes(ids ...string) {
	w.Helper()
	for _, id := range ids {
		posted, next := w.one(lambdatest.KindResponsePosted, id), w.find(lambdatest.KindRuntimeNext, id)[0]
		if n := len(w.within(posted, next, flushEnded)); n != 1 {
			w.Errorf("%s: %d flushes between the response and the runtime's next, want one", id, n)
		}
		if d := between(posted, w.one(lambdatest.KindCallerAnswered, id)); d != 0 {
			w.Errorf("%s: the caller waits %v", id, d)
		}
	}
}

// TestRefusedRegistration asserts that the function serves whatever the platform answers, that each End flushes, and that
// there is one line about it and one attempt: a second one under the same name can only make things worse.
func TestRefusedRegistration(t *testing.T) {
	for name, fault := range map[string]lambdatest.Fault{
		"no room": {Status: 403, ErrorType: "Extension.TooManyExtensions"}, "not JSON": {Status: 502, Body: "<html>"}, "connection cut": {Cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Faults.Register = fault
				w.flusher.onFlush = taking(30 * time.Millisecond)
				w.handle = func(_ context.Context, m *function) error {
					if m.agent.FlushesAfterEnd(m.id) {
						w.Error("nothing holds this environment")
					}
					return nil
				}
			}, func(w *run) {
				w.serves("0")
				w.serves("1")
				w.endFlushes("0", "1")
				w.one(lambdatest.KindExtensionRefused, "")
				w.logs("agent: not registered")
				w.none(lambdatest.KindExtensionNext, lambdatest.KindExtensionRegistered)
				w.exportsInBackground(false)
				if got := w.stats(); got.Mode != "unregistered" || got.Flushes != 2 || got.NextFailures != 0 {
					w.Errorf("stats %+v", got)
				}
				if exit := w.shutdown(); exit.Signal != "killed" { // without an extension there is no SIGTERM
					w.Errorf("%+v", exit)
				}
			})
		})
	}
}

// exportsInBackground fails unless Start has switched the background export on or off.
func (w *run) exportsInBackground(on bool) {
	w.Helper()
	if e := w.one(backgroundSet, ""); e.Detail != strconv.FormatBool(on) {
		w.Errorf("background export set to %s", e.Detail)
	}
}

// TestManagedInstances asserts that an environment that does not freeze has the background export on, with and without a
// registration: End does not flush, and no span ends before its deadline.
func TestManagedInstances(t *testing.T) {
	for mode, fault := range map[string]lambdatest.Fault{
		"managed-instances": {}, "managed-instances-unregistered": {Status: 403, ErrorType: "Extension.TooManyExtensions"},
	} {
		t.Run(mode, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.ManagedInstances, w.config.Concurrency, w.config.Timeout = true, 8, shortTimeout
				w.config.Faults.Register = fault
				w.handle = func(ctx context.Context, m *function) error {
					if !m.agent.FlushesAfterEnd(m.id) {
						w.Error("End flushes, although the background export does")
					}
					return pause(ctx, 950*time.Millisecond)
				}
			}, func(w *run) {
				for i := range 8 {
					w.invokeInBackground(strconv.Itoa(i))
				}
				time.Sleep(500 * time.Millisecond)
				if got := w.stats(); got.Mode != mode || got.InFlight != 8 {
					w.Errorf("stats %+v", got)
				}
				time.Sleep(time.Second)
				for _, e := range w.find(endReturned, "") {
					if e.Duration != 0 {
						w.Errorf("End takes %v", e.Duration)
					}
				}
				w.none(openEnded, deadlineSet)
				w.exportsInBackground(true)
				if got := w.stats(); got.InFlight != 0 || got.Flushes == 0 || got.Flushes > got.PreTimeoutFlushes || got.EndedTooEarly != 0 {
					w.Errorf("stats %+v", got)
				}
				if fault.Status == 0 {
					w.none(lambdatest.KindExtensionRefused)
					w.registeredForNothing()
					w.gracefully()
				}
			})
		})
	}
}

// TestFailedFlushIsNotRepeated has the handler flush before an error is posted, since its End comes too late to. A second
// flush for the same invocation began as the environment froze, and had its requests under way through the freeze.
func TestFailedFlushIsNotRepeated(t *testing.T) {
	for name, takes := range map[string]time.Duration{"it succeeds": time.Millisecond, "it fails": time.Hour} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.options = []agent.Option{agent.WithShutdownOnly()}
				w.flusher.onFlush = taking(takes)
				w.handle = func(_ context.Context, m *function) error {
					if err := m.agent.Flush(m.id); (err != nil) != (takes > time.Second) {
						w.Errorf("Flush: %v", err)
					}
					return nil
				}
			}, func(w *run) {
				w.serves("r")
				w.one(flushBegun, "")
				if d := w.one(endReturned, "r").Duration; d != 0 {
					w.Errorf("End takes %v", d)
				}
			})
		})
	}
}

// The same if next was broken until a moment ago, so that End flushes, and INVOKE comes after it all the same.
func TestFailedFlushIsNotRepeatedAtAnInvokeThatComesLate(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.Faults.Next = lambdatest.Fault{Status: 500, Times: 1}
		w.config.Order = lambdatest.OrderInvokeLast
		w.handle = func(context.Context, *function) error { time.Sleep(100 * time.Millisecond); return nil } // next works by then
	}, func(w *run) {
		w.serves("first")
		w.flusher.onFlush = taking(time.Hour)
		w.serves("second")
		w.one(lambdatest.KindInvokeReleased, "second")
		if got := w.stats(); got.Flushes != 2 || got.Invocations != 1 || got.Mode != "extension" {
			w.Errorf("stats %+v, want a flush each and one INVOKE", got)
		}
	})
}

// TestReplyWithoutIdentifierIsLogged has the one malformed reply that costs the Init: the platform waits for a
// next that cannot be sent. The function is there when the platform tries again.
func TestReplyWithoutIdentifierIsLogged(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.Faults.Register = lambdatest.Fault{OmitIdentifier: true, Times: 1}
		w.config.InitTimeout = 5 * time.Second
	}, func(w *run) {
		w.invokeAs("r")
		w.idle()
		w.logs("reply without Lambda-Extension-Identifier")
		w.serves("again")
	})
}

func TestShutdownOnly(t *testing.T) {
	for name, arrange := range map[string]func(w *run){
		"by option":      func(w *run) { w.options = []agent.Option{agent.WithShutdownOnly()} },
		"by environment": func(w *run) { w.config.Env = []string{"EPILOGUE_SHUTDOWN_ONLY=true"} },
		"INVOKE is refused": func(w *run) {
			w.config.Faults.Register = lambdatest.Fault{Status: 403, ErrorType: "Extension.InvalidEventType", Times: 1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				arrange(w)
				w.flusher.onFlush = taking(30 * time.Millisecond)
			}, func(w *run) {
				w.serves("1")
				time.Sleep(time.Hour)
				w.serves("2")
				w.endFlushes("1", "2")
				if d := w.one(endReturned, "1").Duration; d != 30*time.Millisecond {
					w.Errorf("End takes %v, want the flush", d)
				}
				w.registeredForNothing()
				w.one(lambdatest.KindExtensionNext, "") // Init waits for it; it never comes back
				if got := w.stats(); got.Mode != "shutdown-only" || got.Invocations != 0 || got.Flushes != 2 {
					w.Errorf("stats %+v", got)
				}
				w.gracefully()
			})
		})
	}
}

// registeredForNothing fails unless the extension is registered for no event.
func (w *run) registeredForNothing() {
	w.Helper()
	if e := w.one(lambdatest.KindExtensionRegistered, ""); e.Detail != "" {
		w.Errorf("registered for %q", e.Detail)
	}
}

func TestOutsideLambdaNothingIsTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := standalone(t)
		ctx, cancel := context.WithCancel(t.Context())
		a := w.start(ctx, nowhere(t))
		a.Attach()
		a.Begin("r", time.Now().Add(time.Second), [8]byte{1})
		if !a.FlushesAfterEnd("r") {
			t.Error("FlushesAfterEnd is false")
		}
		time.Sleep(time.Minute)
		a.End("r")
		w.none(flushBegun, openEnded)
		if err := a.Flush("r"); err != nil {
			t.Error(err)
		}
		w.one(flushBegun, "")
		w.exportsInBackground(true)
		cancel()
		synctest.Wait()
		w.none(shutdownBegun)
		if got := a.Stats(); got.Mode != "not-lambda" || got.InFlight != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}

func TestNilIsValid(t *testing.T) {
	var a *agent.Agent
	a.Attach()
	a.Begin("r", time.Time{}, [8]byte{})
	a.End("r")
	if err := a.Flush("r"); err != nil {
		t.Error(err)
	}
	if !a.FlushesAfterEnd("r") {
		t.Error("there is nothing to wait for")
	}
	if got := a.Stats(); got != (agent.Stats{Mode: "not-lambda"}) {
		t.Errorf("%+v", got)
	}
	a = agent.Start(t.Context(), nil, nil, agent.WithProcess(nowhere(t)), agent.WithShutdownHook(nil), agent.WithLogger(nil))
	if err := a.Flush("r"); err != nil {
		t.Errorf("of a nil Flusher: %v", err)
	}
}

var errRefused = errors.New("connection refused, says the test")
