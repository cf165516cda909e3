package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// window is what a shutdown may take: the platform's 500 ms less the margin.
const window = 450 * time.Millisecond

// exits waits for the process to end and fails if it did not end with code 0 within the time, since the signal.
func (w *run) exits(since time.Time, most time.Duration) {
	w.Helper()
	e, err := w.config.Log.Wait(w.Context(), 0, func(e eventlog.Event) bool { return e.Kind == lambdatest.KindProcessExit })
	if err != nil {
		w.Fatal(err)
	}
	if e.Count != 0 || e.Detail != "" || e.At.Sub(since) > most {
		w.Errorf("the process ended after %v: %s", e.At.Sub(since), e)
	}
}

// signal sends sig and waits for the end of the process.
func (w *run) signal(sig os.Signal, most time.Duration) {
	w.Helper()
	began := time.Now()
	if err := w.env.Signal(sig); err != nil {
		w.Fatal(err)
	}
	w.exits(began, most)
}

// reasons are the roots and the reason of each call of EndOpenSpans.
func (w *run) reasons() (all []string) {
	for _, e := range w.find(openEnded, "") {
		all = append(all, strings.TrimSpace(e.Who+" "+e.Detail))
	}
	return all
}

func TestSigtermWhileIdle(t *testing.T) {
	scenario(t, func(w *run) {
		w.flusher.counts = []agent.SignalCounts{{Name: "traces", Ended: 12, Exported: 12}}
		w.options = []agent.Option{agent.WithShutdownHook(func(ctx context.Context) {
			w.config.Log.Add(eventlog.Event{Kind: hookCalled, Duration: left(ctx)})
		})}
	}, func(w *run) {
		w.serves("r")
		time.Sleep(6 * time.Hour)
		w.gracefully()
		term := w.one(lambdatest.KindSigterm, "")
		w.none(timeoutNotified)
		w.inOrder(term, w.one(openEnded, ""), w.one(hookCalled, ""), w.find(flushBegun, "")[1], w.find(flushEnded, "")[1],
			w.one(shutdownBegun, ""), w.one(shutdownEnded, ""), w.one(lambdatest.KindProcessExit, ""))
		if diff := cmp.Diff([]string{"SIGTERM received"}, w.reasons()); diff != "" {
			w.Errorf("open spans ended (-want +got):\n%s", diff)
		}
		w.logs(`level=INFO msg="graceful shutdown completed" took=0s window=450ms invocationsInFlight=0 openSpansEnded=1 ` +
			`traces.ended=12 traces.exported=12 traces.pending=0 traces.dropped=0`)
		if n := len(w.within(term, w.one(lambdatest.KindProcessExit, ""), lambdatest.KindExtensionNext)); n != 0 {
			w.Error("the extension asked for the next event after SIGTERM")
		}
	})
}

// TestTimeoutEndsOpenSpans: at the deadline the platform resets the environment, which begins with SIGTERM.
func TestTimeoutEndsOpenSpans(t *testing.T) {
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Order = order
				w.handle = untilKilled
				w.flusher.onFlush = taking(100 * time.Millisecond)
			}, func(w *run) {
				if resp := w.invokeAs("r"); !resp.TimedOut {
					w.Errorf("%+v", resp)
				}
				w.idle()
				want := []string{
					"root-r [timeout] SIGTERM received during the invocation: the invocation timed out",
					"[timeout] SIGTERM received: the invocation timed out",
				}
				if diff := cmp.Diff(want, w.reasons()); diff != "" {
					w.Errorf("open spans ended (-want +got):\n%s", diff)
				}
				w.inOrder(w.one(lambdatest.KindTimeout, "r"), w.one(lambdatest.KindSigterm, ""), w.one(timeoutNotified, "r"), w.find(openEnded, "")[0],
					w.find(flushBegun, "")[1], w.find(flushEnded, "")[1], w.one(shutdownEnded, ""), w.one(lambdatest.KindProcessExit, ""))
				w.none(lambdatest.KindSigkill)
				if n := len(w.find(flushBegun, "")); n != 2 {
					w.Errorf("%d flushes, want one before the timeout and the last", n)
				}
				w.logs("SIGTERM received", "invocationsInFlight=1 openSpansEnded=2")
			})
		})
	}
}

// TestSignalDuringAnInvocation asserts that the invocation that is in flight at a signal cannot cut the shutdown short,
// however it ends. After a panic aws-lambda-go exits, which here comes 100 ms after the signal.
func TestSignalDuringAnInvocation(t *testing.T) {
	signals := map[os.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT"}
	for name, tt := range map[string]struct {
		signal  os.Signal
		option  agent.Option
		panics  bool
		reasons []string // of the open spans
	}{
		"SIGTERM, it returns": {syscall.SIGTERM, nil, false, []string{
			"root-r [timeout] SIGTERM received during the invocation: the invocation timed out",
			"[timeout] SIGTERM received: the invocation timed out",
		}},
		"SIGINT, of a person": {syscall.SIGINT, nil, false, []string{"root-r SIGINT received during the invocation", "SIGINT received"}},
		"it panics":           {syscall.SIGINT, nil, true, nil},
		"shutdown-only":       {syscall.SIGTERM, agent.WithShutdownOnly(), true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.options = []agent.Option{tt.option}
				w.handle = func(ctx context.Context, _ *function) error {
					err := pause(ctx, time.Second)
					if tt.panics {
						panic("boom")
					}
					return err
				}
				w.flusher.onFlush = taking(100 * time.Millisecond)
				w.flusher.onClose = func(ctx context.Context) error { return pause(ctx, 200*time.Millisecond) }
			}, func(w *run) {
				w.invokeInBackground("r")
				time.Sleep(900 * time.Millisecond)
				w.signal(tt.signal, window)
				w.one(shutdownEnded, "")
				w.logs(signals[tt.signal]+" received", "graceful shutdown completed")
				if diff := cmp.Diff(tt.reasons, w.reasons()); tt.reasons != nil && diff != "" {
					w.Errorf("open spans ended (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestLastLine has the counts of the Pipeline, and errors of a Flusher that has none.
func TestLastLine(t *testing.T) {
	const undelivered = `level=WARN msg="graceful shutdown completed, but not everything was delivered"`
	for name, tt := range map[string]struct {
		counts         []agent.SignalCounts
		flush, onClose error
		want           string
	}{
		"undelivered": {[]agent.SignalCounts{
			{Name: "traces", Ended: 11, Exported: 4, Pending: 4, Dropped: 1, Spilled: 2, Breaker: "half-open", Reasons: map[string]int64{"full": 1}},
			{Name: "logs", Ended: 1, Exported: 1, Superseded: 5, Breaker: "closed"},
		}, errors.New("backend down"), nil, "traces.pending=4 traces.dropped=1 traces.dropped_full=1 traces.spilled=2 traces.breaker=half-open " +
			`logs.ended=1 logs.exported=1 logs.pending=0 logs.dropped=0 logs.superseded=5 error="flush: backend down"`},
		"spans left open": {[]agent.SignalCounts{{Name: "traces", Open: 3, Ended: 1, Exported: 1}}, nil, nil, "traces.open=3"},
		"no counts":       {nil, nil, errors.Join(errors.New("one"), errors.New("two")), `error="shutdown: one; two"`},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.flusher.counts = tt.counts
				w.flusher.onFlush = func(context.Context, int) error { return tt.flush }
				w.flusher.onClose = func(context.Context) error { return tt.onClose }
			}, func(w *run) {
				w.serves("r")
				w.gracefully()
				w.logs(undelivered, tt.want)
			})
		})
	}
}

// TestShutdownDuringASlowFlush asserts that a request that takes nearly all of the window is not discarded for a second one.
func TestShutdownDuringASlowFlush(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		takes    time.Duration
		external bool
		handover time.Duration // of Shutdown, from SIGTERM
	}{{380 * ms, false, 380 * ms}, {425 * ms, false, 387 * ms}, {200 * ms, true, 200 * ms}, {220 * ms, true, 207 * ms}} {
		t.Run(fmt.Sprint(tt.takes, tt.external), func(t *testing.T) {
			scenario(t, func(w *run) {
				if tt.external {
					w.extend("insights")
				}
				w.flusher.onFlush = func(ctx context.Context, call int) error { return pause(ctx, time.Duration(call-1)*tt.takes) }
			}, func(w *run) {
				w.serves("r")
				w.gracefully()
				term, flushed, shut := w.one(lambdatest.KindSigterm, ""), w.find(flushEnded, "")[1], w.one(shutdownBegun, "")
				if flushed.Detail != "<nil>" || between(term, flushed) != tt.takes {
					w.Errorf("after %v: %s", between(term, flushed), flushed)
				}
				if d := between(term, shut); d != tt.handover {
					w.Errorf("Shutdown begins after %v", d)
				}
				w.inOrder(flushed, w.one(lambdatest.KindProcessExit, ""))
				w.logs("level=INFO msg=\"graceful shutdown completed\"")
			})
		})
	}
}

// slowLog delays the line about the signal.
func (w *run) slowLog(delay time.Duration) agent.Option {
	return agent.WithLogger(slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
		if strings.Contains(string(b), "SIGTERM received") {
			time.Sleep(delay)
		}
		return w.lines.Write(b)
	}), nil)))
}

type writer func(b []byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// TestSigtermWithASlowLog asserts that the shutdown begins with the signal, not with the line about it: an invocation
// that ends meanwhile must not lead to next, on which the environment would freeze. The last flush does not wait for the
// log, and the exit waits for a blocked log at most as long as for a line.
func TestSigtermWithASlowLog(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct{ delay, exit time.Duration }{{50 * ms, 50 * ms}, {time.Hour, 100 * ms}} {
		t.Run(tt.delay.String(), func(t *testing.T) {
			scenario(t, func(w *run) {
				w.options = []agent.Option{w.slowLog(tt.delay)}
				w.flusher.onFlush = taking(20 * ms)
			}, func(w *run) {
				w.invokeInBackground("r")
				begun, err := w.config.Log.Wait(w.Context(), 0, func(e eventlog.Event) bool { return e.Kind == flushBegun })
				if err != nil {
					w.Fatal(err)
				}
				w.signal(syscall.SIGTERM, tt.exit)
				if n := len(w.within(begun, w.one(lambdatest.KindProcessExit, ""), lambdatest.KindExtensionNext)); n != 0 {
					w.Error("the extension asked for the next event after SIGTERM")
				}
				if d := between(w.one(deadlineSet, ""), w.one(shutdownEnded, "")); d > 40*ms {
					w.Errorf("telemetry is shut down after %v: it waited for the log", d)
				}
				time.Sleep(2 * time.Hour) // the line
			})
		})
	}
}

// TestSigtermDuringAFlushThatMakesIt: a flush that the shutdown has the time for is not cut off, whenever it began.
func TestSigtermDuringAFlushThatMakesIt(t *testing.T) {
	const ms = time.Millisecond
	for _, takes := range []time.Duration{100 * ms, 190 * ms, 300 * ms, 380 * ms} {
		for _, since := range []time.Duration{ms, takes / 2, takes - ms} {
			t.Run(fmt.Sprintf("%v after %v", takes, since), func(t *testing.T) {
				scenario(t, func(w *run) {
					w.config.Timeout = time.Minute
					w.flusher.onFlush = taking(takes)
				}, func(w *run) {
					w.invokeAs("r")
					time.Sleep(since)
					w.signal(syscall.SIGTERM, window)
					flushes := w.find(flushEnded, "")
					if flushes[0].Detail != "<nil>" {
						w.Errorf("the flush under way was cut off: %s", flushes[0])
					}
					if 2*takes-since < 380*ms && (len(flushes) != 2 || flushes[1].Detail != "<nil>") {
						w.Errorf("the last flush had the time, and did not make it: %v", flushes)
					}
					w.logs("graceful shutdown completed")
				})
			})
		}
	}
}

// TestFlushThatIsLeftToShutdownIsNoError has a call under way that hangs and takes the time of the last flush, which
// Shutdown makes up for.
func TestFlushThatIsLeftToShutdownIsNoError(t *testing.T) {
	scenario(t, func(w *run) {
		w.config.Timeout = time.Minute
		w.flusher.onFlush = func(ctx context.Context, _ int) error {
			err := pause(ctx, time.Hour)
			time.Sleep(5 * time.Millisecond) // it returns a little later
			return err
		}
	}, func(w *run) {
		w.invokeAs("r")
		time.Sleep(time.Millisecond)
		w.signal(syscall.SIGTERM, window)
		w.one(flushBegun, "")
		w.one(shutdownEnded, "")
		w.logs("graceful shutdown completed")
		if text := w.lines.String(); strings.Contains(text, "error=") {
			w.Errorf("a shutdown in which all was well has an error in the log:\n%s", text)
		}
	})
}

// TestEverythingHangsAtSigterm has the flusher, hooks and calls without a context hang. The process exits in the window.
func TestEverythingHangsAtSigterm(t *testing.T) {
	for _, hang := range []string{"ForceFlush", "Shutdown", "EndOpenSpans", "hook", "ForceFlush Shutdown EndOpenSpans hook"} {
		for most, external := range map[time.Duration]bool{window: false, 250 * time.Millisecond: true} {
			t.Run(fmt.Sprintf("%s, external extension %t", hang, external), func(t *testing.T) {
				scenario(t, func(w *run) {
					w.config.Timeout, w.handle = time.Minute, untilKilled
					never := w.untilEnd()
					if strings.Contains(hang, "ForceFlush") {
						w.flusher.onFlush = func(context.Context, int) error { <-never; return nil }
					}
					if strings.Contains(hang, "Shutdown") {
						w.flusher.onClose = func(context.Context) error { <-never; return nil }
					}
					if strings.Contains(hang, "EndOpenSpans") {
						w.flusher.onEnd = func([][8]byte) { <-never }
					}
					if strings.Contains(hang, "hook") {
						hook := agent.WithShutdownHook(func(context.Context) { <-never })
						w.options = append(w.options, hook, hook, hook)
					}
					if external {
						w.extend("insights")
					}
				}, func(w *run) {
					w.invokeInBackground("r")
					synctest.Wait()
					w.signal(syscall.SIGTERM, most)
					w.one(shutdownBegun, "") // in any case
					w.logs("SIGTERM received", "graceful shutdown completed", fmt.Sprintf("window=%v", most))
					if !strings.Contains(w.lines.String(), "did not return in time") {
						w.Error("what hung is not in the log")
					}
				})
			})
		}
	}
}

func TestHooksRunInOrderUnderTheirShare(t *testing.T) {
	scenario(t, func(w *run) {
		w.flusher.counts = []agent.SignalCounts{{Name: "traces"}}
		for i, d := range []time.Duration{5 * time.Millisecond, time.Hour, 0} {
			w.options = append(w.options, agent.WithShutdownHook(func(ctx context.Context) {
				w.config.Log.Add(eventlog.Event{Kind: hookCalled, Count: i + 1, Duration: left(ctx)})
				_ = pause(ctx, d)
				if i == 2 {
					panic("hook trouble")
				}
			}))
		}
	}, func(w *run) {
		w.serves("r")
		w.gracefully()
		hooks := w.find(hookCalled, "")
		if len(hooks) != 3 || hooks[0].Count != 1 || hooks[1].Count != 2 || hooks[2].Count != 3 {
			w.Fatalf("hooks %v", hooks)
		}
		// Half of 430 ms in three parts, of which the first leaves its unused time to the others.
		third, half := 215*time.Millisecond/3, (215-5)*time.Millisecond/2
		if d := hooks[0].Duration; d.Round(time.Millisecond) != (third - 10*time.Millisecond).Round(time.Millisecond) {
			w.Errorf("the first hook gets %v", d)
		}
		if d := hooks[1].Duration; d.Round(time.Millisecond) != (half - 10*time.Millisecond).Round(time.Millisecond) {
			w.Errorf("the second hook gets %v", d)
		}
		w.inOrder(hooks[2], w.find(flushBegun, "")[1])
		if strings.Contains(w.lines.String(), "not everything was delivered") {
			w.Error("a hook that fails is reported as undelivered telemetry")
		}
		w.logs("level=WARN", "hook: 3 of 3: panicked: hook trouble")
	})
}

// TestShutdownReportIsWrittenBeforeTheLog asserts that a log that blocks does not cost the report.
func TestShutdownReportIsWrittenBeforeTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report")
	want := []agent.SignalCounts{{Name: "traces", Ended: 4, Exported: 3, Spilled: 1}}
	scenario(t, func(w *run) {
		w.config.Env = []string{counts.ReportVariable + "=" + path}
		w.flusher.counts = want
		w.options = []agent.Option{w.slowLog(time.Hour)}
	}, func(w *run) {
		w.Cleanup(func() { time.Sleep(2 * time.Hour) })
		w.serves("r")
		if exit := w.shutdown(); exit.Code != 0 || exit.Took > 100*time.Millisecond {
			w.Errorf("%+v", exit)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			w.Fatal(err)
		}
		var got counts.ShutdownReport
		err = json.Unmarshal(text, &got)
		if diff := cmp.Diff(want, got.Signals); diff != "" || err != nil {
			w.Errorf("error %v, counts (-want +got):\n%s", err, diff)
		}
	})
}

func TestSecondSignalChangesNothing(t *testing.T) {
	scenario(t, func(w *run) { w.flusher.onFlush = taking(100 * time.Millisecond) }, func(w *run) {
		w.serves("r")
		w.Cleanup(func() { w.one(shutdownEnded, "") })
		began := time.Now()
		go func() {
			for range 5 {
				time.Sleep(10 * time.Millisecond)
				_ = w.env.Signal(os.Interrupt)
				_ = w.env.Signal(syscall.SIGTERM)
			}
		}()
		if exit := w.shutdown(); exit.Code != 0 {
			w.Errorf("%+v", exit)
		}
		w.exits(began, window)
		w.logs("SIGTERM received", "graceful shutdown completed")
		time.Sleep(time.Second)
	})
}

func TestSigtermDuringRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := standalone(t)
		exited, signals := make(chan int, 1), make(chan chan<- os.Signal, 1)
		p := hangingPlatform(t, signals, exited)
		go func() { (<-signals) <- syscall.SIGTERM }()
		a := w.start(t.Context(), p) // returns as Exit did
		if code := <-exited; code != 0 {
			t.Errorf("exit code %d", code)
		}
		w.one(shutdownEnded, "")
		w.logs("SIGTERM received", "graceful shutdown completed")
		if n := strings.Count(w.lines.String(), "not registered"); n != 0 {
			t.Error("the end of the process is reported as a refusal")
		}
		a.End("r") // after Exit, which returned: harmless
		if err := a.Flush("r"); err == nil {
			t.Error("a flush after the shutdown succeeds")
		}
	})
}

// TestKilledProcessLeavesNoGoroutine relies on Process.Done alone. The bubble does not end while a goroutine of the agent's
// is left.
func TestKilledProcessLeavesNoGoroutine(t *testing.T) {
	scenario(t, func(w *run) {
		w.context = func(context.Context) context.Context { return context.Background() }
	}, func(w *run) { w.serves("r") })
}
