package agent_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// onOddPlatform runs steps in a bubble with an agent that is registered with an Extensions API whose replies to the calls
// of next are the test's.
func onOddPlatform(t *testing.T, next http.HandlerFunc, steps func(w *run, a *agent.Agent)) {
	t.Helper()
	arrangedOnOddPlatform(t, next, func(*run) {}, steps)
}

func arrangedOnOddPlatform(t *testing.T, next http.HandlerFunc, arrange func(w *run), steps func(w *run, a *agent.Agent)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := standalone(t)
		arrange(w)
		var network lambdatest.Network
		l, err := network.Listen("169.254.100.1:9001")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Lambda-Extension-Identifier", "id")
			if strings.HasSuffix(r.URL.Path, "/next") {
				next(w, r)
			}
		})}
		go func() { _ = server.Serve(l) }()
		gone := make(chan struct{})
		p := nowhere(t)
		p.Getenv, p.Notify, p.StopNotify, p.Done, p.Dial = inLambda, noNotify, noStop, gone, network.DialContext
		a := w.start(t.Context(), p)
		if !w.unattached {
			a.Attach()
		}
		steps(w, a)
		close(gone)
		synctest.Wait()
		_ = server.Close()
	})
}

func writeInvoke(w http.ResponseWriter, id string) {
	_, _ = w.Write([]byte(`{"eventType":"INVOKE","requestId":"` + id + `"}`))
}

// silent never replies.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// TestPausesGrowUntilNextWorks: each pause is the last one's double, less up to a half at random, and the first again
// once next has worked.
func TestPausesGrowUntilNextWorks(t *testing.T) {
	const works = 9
	var asked []time.Time
	onOddPlatform(t, func(w http.ResponseWriter, _ *http.Request) {
		asked = append(asked, time.Now())
		if len(asked) != works+1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		writeInvoke(w, "r")
	}, func(w *run, a *agent.Agent) {
		a.Begin("r", time.Time{}, [8]byte{})
		a.End("r")
		time.Sleep(9999 * time.Millisecond)
		synctest.Wait()
		const ms = time.Millisecond
		want := []time.Duration{10 * ms, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, time.Second, time.Second, 0, 10 * ms, 20 * ms}
		for i, most := range want {
			if pause := asked[i+1].Sub(asked[i]); pause > most || pause < most/2 {
				w.Errorf("pause %d is %v, want half of %v to all of it", i, pause, most)
			}
		}
	})
}

const withoutInvoke = "agent: an invocation ended without its INVOKE event"

// TestInvocationWithoutInvokeIsFlushedAtTheNextEnd has an emulator that registers the extension and sends no event.
func TestInvocationWithoutInvokeIsFlushedAtTheNextEnd(t *testing.T) {
	onOddPlatform(t, silent, func(w *run, a *agent.Agent) {
		deadline := time.Now().Add(time.Hour)
		for i, id := range []string{"1", "2", "3"} {
			a.Begin(id, deadline, rootOf(id))
			began := time.Now()
			a.End(id)
			if took := time.Since(began); took != 0 {
				w.Errorf("End of %s takes %v", id, took)
			}
			if n := len(w.find(flushEnded, "")); n != i {
				w.Errorf("%d flushes when %s has ended, want %d", n, id, i)
			}
		}
		synctest.Wait()
		w.logs(withoutInvoke)
		if got := a.Stats(); got.Mode != "extension-failed" {
			w.Errorf("stats %+v", got)
		}
	})
}

func TestLastInvocationWithoutInvokeIsFlushedSoon(t *testing.T) {
	onOddPlatform(t, silent, func(w *run, a *agent.Agent) {
		a.Begin("r", time.Now().Add(time.Hour), rootOf("r"))
		a.End("r")
		time.Sleep(time.Minute)
		w.one(flushEnded, "")
		w.logs(withoutInvoke)
	})
}

// TestUnwrappedFunctionWithoutEventsExportsInTheBackground: without an event and without a handler that reports, nothing
// else would ever flush. The background export ends when an event comes after all.
func TestUnwrappedFunctionWithoutEventsExportsInTheBackground(t *testing.T) {
	for name, fails := range map[string]bool{"next is not answered": false, "next fails": true} {
		t.Run(name, func(t *testing.T) {
			var pending atomic.Int64
			var works atomic.Bool
			arrangedOnOddPlatform(t, func(w http.ResponseWriter, r *http.Request) {
				for !works.Load() && !fails && pause(r.Context(), time.Second) == nil {
				}
				if works.Swap(false) {
					writeInvoke(w, "r")
				} else {
					w.WriteHeader(http.StatusInternalServerError)
				}
			}, func(w *run) {
				w.unattached = true
				w.flusher.onPending = func() (int, bool) { return int(pending.Load()), false }
			}, func(w *run, a *agent.Agent) {
				background := func(want string) {
					w.Helper()
					synctest.Wait()
					events := w.find(backgroundSet, "")
					if got := events[len(events)-1].Detail; got != want {
						w.Errorf("background export %s, want %s", got, want)
					}
				}
				time.Sleep(time.Hour)
				background("false") // nothing is pending
				pending.Store(1)
				time.Sleep(2 * time.Second)
				background("true")
				w.logs("agent: no INVOKE event has come and no handler is wrapped", "handler.WithTracker")
				if got := a.Stats(); got.Mode != "extension-failed" {
					w.Errorf("stats %+v", got)
				}
				works.Store(true)
				time.Sleep(2 * time.Second)
				background("false")
			})
		})
	}
}

// TestBackgroundExportStaysOffDuringInit: Init may take 10 s, and brings no event.
func TestBackgroundExportStaysOffDuringInit(t *testing.T) {
	arrangedOnOddPlatform(t, silent, func(w *run) { w.unattached = true }, func(w *run, _ *agent.Agent) {
		time.Sleep(14 * time.Second)
		if text := w.lines.String(); text != "" || len(w.find(backgroundSet, "")) != 1 {
			w.Errorf("log %s, background export set %d times", text, len(w.find(backgroundSet, "")))
		}
	})
}

// TestInvokeThatComesLateIsNotMissed asserts that an INVOKE after the end is no fault, and that the loop flushes again
// when an event comes after all.
func TestInvokeThatComesLateIsNotMissed(t *testing.T) {
	invokes := sync.OnceValue(func() chan string { return make(chan string) }) // in the bubble
	onOddPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case id := <-invokes():
			writeInvoke(w, id)
		case <-r.Context().Done():
		}
	}, func(w *run, a *agent.Agent) {
		for i, id := range []string{"1", "2"} {
			a.Begin(id, time.Time{}, rootOf(id))
			a.End(id)
			time.Sleep(900 * time.Millisecond)
			invokes() <- id
			synctest.Wait()
			if n := len(w.find(flushEnded, "")); n != i+1 {
				w.Errorf("%d flushes after the INVOKE of %s", n, id)
			}
		}
		time.Sleep(time.Hour)
		if text := w.lines.String(); text != "" {
			w.Errorf("log %s", text)
		}
		a.Begin("missed", time.Time{}, rootOf("missed"))
		a.End("missed")
		time.Sleep(2 * time.Second)
		invokes() <- "missed"
		synctest.Wait()
		w.logs(withoutInvoke, "agent: next event works again")
		if got := a.Stats(); got.Mode != "extension" {
			w.Errorf("stats %+v", got)
		}
	})
}

// TestRegistrationWithoutAnswerIsLogged asserts that a platform that does not answer is named, once.
func TestRegistrationWithoutAnswerIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := standalone(t)
		signals := make(chan chan<- os.Signal, 1)
		p := hangingPlatform(t, signals, make(chan int, 1))
		go func() {
			time.Sleep(900 * time.Millisecond)
			if text := w.lines.String(); text != "" {
				t.Errorf("log after 900 ms: %s", text)
			}
			time.Sleep(time.Hour)
			(<-signals) <- syscall.SIGTERM
		}()
		w.start(t.Context(), p)
		w.logs("agent: the registration is not answered", `call="POST http://169.254.100.1:9001/2020-01-01/extension/register"`,
			"AWS_LAMBDA_RUNTIME_API")
	})
}

func TestMarginAboveTheTimeoutIsLoggedOnce(t *testing.T) {
	for margin, lines := range map[time.Duration]int{999 * time.Millisecond: 0, 5 * time.Second: 1} {
		for _, wrapped := range []bool{true, false} {
			scenario(t, func(w *run) {
				w.wrapped = wrapped
				w.config.Timeout = time.Second
				w.options = []agent.Option{agent.WithDeadlineMargin(margin)}
			}, func(w *run) {
				w.serves("1")
				w.serves("2")
				synctest.Wait() // until the line is written, which nothing waits for
				if n := strings.Count(w.lines.String(), "EPILOGUE_DEADLINE_MARGIN=5s timeout=1s"); n != lines {
					w.Errorf("margin %v, wrapped %t: %d lines, want %d", margin, wrapped, n, lines)
				}
			})
		}
	}
}

// TestWithoutExitTheProcessLivesOn asserts that the telemetry is shut down as always, and that the agent then neither
// ends the process nor holds an invocation.
func TestWithoutExitTheProcessLivesOn(t *testing.T) {
	scenario(t, func(w *run) {
		w.options, w.handle = []agent.Option{agent.WithoutExit()}, lasting(time.Second)
	}, func(w *run) {
		w.invokeInBackground("r")
		time.Sleep(500 * time.Millisecond)
		if err := w.env.Signal(os.Interrupt); err != nil {
			w.Fatal(err)
		}
		w.idle()
		w.logs("SIGINT received", "graceful shutdown completed")
		w.one(shutdownEnded, "")
		w.none(lambdatest.KindProcessExit)
		w.serves("again")
	})
}

// TestLastAgentOfAProcessExits asserts that no agent ends the process while another one delivers, and that none does if
// one of them has WithoutExit.
func TestLastAgentOfAProcessExits(t *testing.T) {
	const quick, slow = 10 * time.Millisecond, 300 * time.Millisecond
	for name, options := range map[string][]agent.Option{"": nil, "WithoutExit": {agent.WithoutExit()}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var signals []chan<- os.Signal
				var delivered atomic.Bool
				exits := make(chan bool, 9) // for each, whether the slow one had delivered
				gone := make(chan struct{})
				start := func(takes time.Duration, options ...agent.Option) {
					w := standalone(t)
					w.flusher.onClose = func(ctx context.Context) error {
						err := pause(ctx, takes)
						delivered.Store(takes == slow || delivered.Load())
						return err
					}
					p := nowhere(t)
					p.Getenv, p.Dial, p.StopNotify, p.Done = inLambda, refusedDial, noStop, gone
					p.Notify = func(c chan<- os.Signal, _ ...os.Signal) { signals = append(signals, c) }
					p.Exit = func(int) { exits <- delivered.Load() }
					w.start(t.Context(), p, options...)
				}
				start(quick, options...)
				start(slow)
				start(quick)
				for _, c := range signals {
					c <- syscall.SIGTERM
				}
				time.Sleep(time.Second)
				want := 1
				if options != nil {
					want = 0
				}
				if len(exits) != want || want > 0 && !<-exits {
					t.Errorf("%d exits, want %d after the delivery", len(exits), want)
				}
				close(gone)
			})
		})
	}
}
