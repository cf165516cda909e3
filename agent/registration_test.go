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

// TestRefusedRegistration: whatever the platform answers, the function serves, each End flushes, there is one
// line about it and one attempt, since a second one under the same name can only make things worse.
func TestRefusedRegistration(t *testing.T) {
	for name, fault := range map[string]lambdatest.Fault{
		"no room":                {Status: 403, ErrorType: "Extension.TooManyExtensions"},
		"name taken":             {Status: 403, ErrorType: "Extension.InvalidExtensionState"},
		"closed":                 {Status: 403, ErrorType: "Extension.RegistrationClosed"},
		"server error":           {Status: 500},
		"server error, not JSON": {Status: 502, Body: "<html>"},
		"connection cut":         {Cut: true},
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
				for i := range 3 {
					w.serves(strconv.Itoa(i))
				}
				w.endFlushes("0", "1", "2")
				w.one(lambdatest.KindExtensionRefused, "")
				w.logs("agent: not registered")
				w.none(lambdatest.KindExtensionNext, lambdatest.KindExtensionRegistered)
				if e := w.one(backgroundSet, ""); e.Detail != "false" {
					w.Errorf("background export set to %s", e.Detail)
				}
				if got := w.stats(); got.Mode != "unregistered" || got.Flushes != 3 || got.NextFailures != 0 {
					w.Errorf("stats %+v", got)
				}
				if exit := w.shutdown(); exit.Signal != "killed" { // without an extension there is no SIGTERM
					w.Errorf("%+v", exit)
				}
			})
		})
	}
}

// TestRefusedRegistrationOnManagedInstances asserts that an environment that does not freeze stays one without a
// registration: the background export is on, End does not flush, and no span ends before its deadline.
func TestRefusedRegistrationOnManagedInstances(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.ManagedInstances, w.config.Concurrency, w.config.Timeout = true, 2, shortTimeout
		w.config.Faults.Register = lambdatest.Fault{Status: 403, ErrorType: "Extension.TooManyExtensions"}
		w.handle = func(ctx context.Context, m *function) error {
			if !m.agent.FlushesAfterEnd(m.id) {
				w.Error("End flushes, although the background export does")
			}
			return lasting(950*time.Millisecond)(ctx, m)
		}
	}, func(w *run) {
		w.serves("r")
		w.serves("again")
		synctest.Wait() // until the last End has returned: nothing holds the environment for it
		w.logs("agent: not registered, so SIGTERM may not come")
		w.one(lambdatest.KindExtensionRefused, "")
		w.none(openEnded, deadlineSet)
		if e := w.one(backgroundSet, ""); e.Detail != "true" {
			w.Errorf("background export set to %s", e.Detail)
		}
		for _, id := range []string{"r", "again"} {
			if d := w.one(endReturned, id).Duration; d != 0 {
				w.Errorf("End of %s takes %v", id, d)
			}
		}
		if got := w.stats(); got.Mode != "managed-instances-unregistered" || got.Flushes != got.PreTimeoutFlushes || got.EndedTooEarly != 0 {
			w.Errorf("stats %+v", got)
		}
	})
}

// TestFailedFlushIsNotRepeated: the handler flushes before an error is posted, since its End comes too late to. A second
// flush for the same invocation began as the environment froze, and had its requests under way through the freeze.
func TestFailedFlushIsNotRepeated(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.Faults.Register = lambdatest.Fault{Status: 500}
		w.flusher.onFlush = taking(time.Hour)
		w.handle = func(_ context.Context, m *function) error {
			if err := m.agent.Flush(m.id); err == nil {
				w.Error("Flush delivers, and should not")
			}
			return nil
		}
	}, func(w *run) {
		w.serves("r")
		if n := w.stats().Flushes; n != 1 {
			w.Errorf("%d flushes, want one", n)
		}
		if d := w.one(endReturned, "r").Duration; d != 0 {
			w.Errorf("End takes %v", d)
		}
	})
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

func TestRefusedEventsLeadToShutdownOnly(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.Faults.Register = lambdatest.Fault{Status: 403, ErrorType: "Extension.InvalidEventType", Times: 1}
		w.flusher.onFlush = taking(30 * time.Millisecond)
	}, func(w *run) {
		w.serves("1")
		w.serves("2")
		w.endFlushes("1", "2")
		if e := w.one(lambdatest.KindExtensionRegistered, ""); e.Detail != "" {
			w.Errorf("registered for %q", e.Detail)
		}
		if got := w.stats(); got.Mode != "shutdown-only" || got.Flushes != 2 {
			w.Errorf("stats %+v", got)
		}
		w.gracefully()
	})
}

func TestShutdownOnly(t *testing.T) {
	for name, arrange := range map[string]func(w *run){
		"by option":      func(w *run) { w.options = []agent.Option{agent.WithShutdownOnly()} },
		"by environment": func(w *run) { w.config.Env = []string{"EPILOGUE_SHUTDOWN_ONLY=true"} },
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
				if e := w.one(lambdatest.KindExtensionRegistered, ""); e.Detail != "" {
					w.Errorf("registered for %q", e.Detail)
				}
				w.one(lambdatest.KindExtensionNext, "") // Init waits for it; it never comes back
				if got := w.stats(); got.Mode != "shutdown-only" || got.Invocations != 0 {
					w.Errorf("stats %+v", got)
				}
				w.gracefully()
			})
		})
	}
}

// The End of an error comes when the environment may be frozen already; its flush came before the post. A second one began at
// the thaw, during the next invocation, and took that one's spans before its response.
func TestEndAfterAFlushDoesNotFlushAgain(t *testing.T) {
	scenario(t, func(w *run) {
		w.options = []agent.Option{agent.WithShutdownOnly()}
		w.onClose = func(m *function) {
			if err := m.agent.Flush(m.id); err != nil {
				w.Error(err)
			}
			m.agent.End(m.id)
		}
	}, func(w *run) {
		w.serves("r")
		w.one(flushBegun, "")
	})
}

func TestManagedInstances(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.ManagedInstances, w.config.Concurrency = true, 8
		w.config.Timeout = time.Minute
		w.handle = func(ctx context.Context, m *function) error {
			if !m.agent.FlushesAfterEnd(m.id) {
				w.Error("the background export flushes, not End")
			}
			return pause(ctx, time.Second)
		}
	}, func(w *run) {
		done := make(chan lambdatest.Response)
		for i := range 8 {
			go func() {
				resp, _ := w.env.Invoke(context.WithoutCancel(w.Context()), lambdatest.Invocation{RequestID: strconv.Itoa(i)})
				done <- resp
			}()
		}
		time.Sleep(500 * time.Millisecond)
		if got := w.stats(); got.Mode != "managed-instances" || got.InFlight != 8 {
			w.Errorf("stats %+v", got)
		}
		for range 8 {
			if resp := <-done; resp.FunctionError != "" {
				w.Errorf("%s", resp.Payload)
			}
		}
		w.idle()
		w.none(flushBegun, lambdatest.KindExtensionRefused)
		if e := w.one(backgroundSet, ""); e.Detail != "true" {
			w.Errorf("background export set to %s", e.Detail)
		}
		if e := w.one(lambdatest.KindExtensionRegistered, ""); e.Detail != "" {
			w.Errorf("registered for %q", e.Detail)
		}
		w.gracefully()
	})
}

func TestOutsideLambdaNothingIsTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &run{T: t, lines: &lines{}}
		w.config.Log = newLog()
		w.flusher = &fakeFlusher{log: w.config.Log}
		ctx, cancel := context.WithCancel(t.Context())
		a := agent.Start(ctx, w.flusher, agent.WithLogger(w.logger()), agent.WithProcess(nowhere(t)))
		a.Attach()
		a.Begin("r", time.Now().Add(time.Minute), [8]byte{1})
		if !a.FlushesAfterEnd("r") {
			t.Error("FlushesAfterEnd is false")
		}
		a.End("r")
		w.none(flushBegun)
		if err := a.Flush("r"); err != nil {
			t.Error(err)
		}
		w.one(flushBegun, "")
		if e := w.one(backgroundSet, ""); e.Detail != "true" {
			t.Errorf("background export set to %s", e.Detail)
		}
		cancel()
		synctest.Wait()
		w.none(shutdownBegun)
		if got := a.Stats(); got.Mode != "not-lambda" || got.InFlight != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}

func TestNilAgentIsAValidTracker(t *testing.T) {
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
}

func TestNilFlusherAndNilOption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := agent.Start(t.Context(), nil, nil, agent.WithProcess(nowhere(t)), agent.WithShutdownHook(nil), agent.WithLogger(nil))
		if err := a.Flush("r"); err != nil {
			t.Error(err)
		}
	})
}

var errRefused = errors.New("connection refused, says the test")
