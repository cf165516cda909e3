package lambdatest_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// obeying exits with code 0, after d, when SIGTERM comes.
func obeying(p *lambdatest.Process, d time.Duration) {
	c := make(chan os.Signal, 1)
	p.Notify(c, syscall.SIGTERM)
	go func() {
		select {
		case <-c:
			pause(p.Context(), d)
			p.Exit(0)
		case <-p.Context().Done():
		}
	}()
}

// TestShutdown: the process is thawed; if an extension is registered it gets SIGTERM and a window; SIGKILL comes last.
func TestShutdown(t *testing.T) {
	killed := lambdatest.Exit{Code: -1, Signal: "killed", Killed: true}
	after := func(window time.Duration) lambdatest.Exit { e := killed; e.Took = window; return e }
	with := func(register, events string) func(p *lambdatest.Process) {
		return func(p *lambdatest.Process) { extend(p.Context(), newAPI(p), register, events, nil) }
	}
	for name, tc := range map[string]struct {
		window   time.Duration
		register func(*lambdatest.Process)
		obeys    time.Duration // how long after SIGTERM it exits
		sigterm  bool
		want     lambdatest.Exit
	}{
		"an extension":                 {0, with("flusher", `["INVOKE"]`), 100 * time.Millisecond, true, lambdatest.Exit{Took: 100 * time.Millisecond}},
		"an extension without events":  {0, with("signals", `[]`), 400 * time.Millisecond, true, lambdatest.Exit{Took: 400 * time.Millisecond}},
		"longer than the window":       {0, with("flusher", `["INVOKE"]`), time.Hour, true, after(500 * time.Millisecond)},
		"longer than the window's set": {2 * time.Second, with("flusher", `["INVOKE"]`), time.Hour, true, after(2 * time.Second)},
		"no extension":                 {0, func(*lambdatest.Process) {}, 0, false, killed},
		"a refused registration":       {0, with("flusher", `["SHUTDOWN"]`), 0, false, killed},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, lambdatest.Config{ShutdownWindow: tc.window}, func(p *lambdatest.Process) {
				obeying(p, tc.obeys)
				tc.register(p)
				p.Serve(ok)
			}, func(t *testing.T, env *lambdatest.Environment) {
				send(t, env, "{}")
				time.Sleep(time.Hour)
				if exit, err := env.Shutdown(t.Context()); err != nil || exit != tc.want {
					t.Errorf("got %+v, %v, want %+v", exit, err, tc.want)
				}
				signals := events(env, lambdatest.KindThaw, lambdatest.KindSigterm, lambdatest.KindSigkill)
				if signals[0].Kind != lambdatest.KindThaw || (signals[1].Kind == lambdatest.KindSigterm) != tc.sigterm ||
					(signals[len(signals)-1].Kind == lambdatest.KindSigkill) != tc.want.Killed {
					t.Errorf("got %v", signals)
				}
			})
		})
	}
}

func TestShutdownWaitsUntilTheEnvironmentIsIdle(t *testing.T) {
	inMemory(t, lambdatest.Config{}, flushing(time.Second, ok), func(t *testing.T, env *lambdatest.Environment) {
		if _, err := env.Shutdown(t.Context()); !errors.Is(err, lambdatest.ErrNotRunning) {
			t.Errorf("before the first invocation: %v, want ErrNotRunning", err)
		}
		invoke(t, env, lambdatest.Invocation{})
		shutdown(t, env)
		if done, term := only(t, env, lambdatest.KindPhaseDone), only(t, env, lambdatest.KindSigterm); term.Seq < done.Seq {
			t.Error("SIGTERM came into the phase")
		}
		if resp := invoke(t, env, lambdatest.Invocation{}); !resp.Cold {
			t.Error("after Shutdown the invocation found a process")
		}
	})
}

func TestTimeoutOfTheHandlerResetsTheEnvironment(t *testing.T) {
	var calls atomic.Int32 // of both processes: the first's goroutine outlives it
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		obeying(p, 100*time.Millisecond)
		flushing(0, func(ctx context.Context) error {
			if calls.Add(1) == 1 {
				<-ctx.Done()
				pause(p.Context(), time.Hour)
			}
			return nil
		})(p)
	}, func(t *testing.T, env *lambdatest.Environment) {
		start := time.Now()
		resp := invoke(t, env, lambdatest.Invocation{})
		if took := time.Since(start); took != 3*time.Second || !resp.TimedOut || resp.ErrorType != "Sandbox.Timedout" ||
			!strings.Contains(resp.ErrorMessage, "Task timed out after 3.00 seconds") {
			t.Errorf("answered %+v after %v", resp, took)
		}
		idle(t, env)
		if exit := only(t, env, lambdatest.KindProcessExit); exit.Duration != 100*time.Millisecond || exit.Count != 0 {
			t.Errorf("the process ended like this: %v", exit)
		}
		if resp := invoke(t, env, lambdatest.Invocation{}); !resp.Cold || resp.FunctionError != "" {
			t.Errorf("the next invocation: %+v, want a cold start that is well", resp)
		}
	})
}

// TestTimeoutCoversTheExtensionsWork answers in time and flushes past the deadline.
func TestTimeoutCoversTheExtensionsWork(t *testing.T) {
	inMemory(t, lambdatest.Config{Timeout: time.Second}, flushing(time.Hour, ok), func(t *testing.T, env *lambdatest.Environment) {
		if resp := invoke(t, env, lambdatest.Invocation{}); resp.FunctionError != "" {
			t.Errorf("the caller was told of %s", resp.ErrorType)
		}
		idle(t, env)
		timeout, term := only(t, env, lambdatest.KindTimeout), only(t, env, lambdatest.KindSigterm)
		if timeout.Seq > term.Seq {
			t.Error("SIGTERM came before the timeout")
		}
		only(t, env, lambdatest.KindProcessExit)
	})
}

// TestPostAfterTheTimeoutIsRefused has the function answer in the window that SIGTERM gives it.
func TestPostAfterTheTimeoutIsRefused(t *testing.T) {
	inMemory(t, lambdatest.Config{Timeout: time.Second}, func(p *lambdatest.Process) {
		obeying(p, time.Hour)
		flushing(0, func() { pause(p.Context(), 1100*time.Millisecond) })(p)
	}, func(t *testing.T, env *lambdatest.Environment) {
		send(t, env, "{}")
		if got := only(t, env, lambdatest.KindResponseRefused); got.Count != http.StatusBadRequest {
			t.Errorf("refused with %d, want 400", got.Count)
		}
		if exit := only(t, env, lambdatest.KindProcessExit); exit.Count != 1 {
			t.Errorf("exit code %d, want 1: aws-lambda-go gives up after a refused post", exit.Count)
		}
	})
}

func TestEndOfTheProcessAnswersTheCaller(t *testing.T) {
	for name, tc := range map[string]struct {
		end                func(p *lambdatest.Process)
		errorType, message string
		code               int
	}{
		"exit":           {func(p *lambdatest.Process) { p.Exit(0) }, "Runtime.ExitError", "Runtime exited without providing a reason", 0},
		"exit with code": {func(p *lambdatest.Process) { p.Exit(7) }, "Runtime.ExitError", "Runtime exited with error: exit status 7", 7},
		"panic":          {func(*lambdatest.Process) { panic("boom") }, "string", "boom", 1},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
				flushing(0, func() { tc.end(p) })(p)
			}, func(t *testing.T, env *lambdatest.Environment) {
				resp := invoke(t, env, lambdatest.Invocation{})
				idle(t, env)
				if resp.FunctionError != "Unhandled" || resp.ErrorType != tc.errorType || !strings.HasSuffix(resp.ErrorMessage, tc.message) {
					t.Errorf("answered %+v", resp)
				}
				report := lambdatest.Invocations(env.Log().Events())[0]
				if exit := only(t, env, lambdatest.KindProcessExit); exit.Count != tc.code || !report.Exited || report.ErrorType != tc.errorType {
					t.Errorf("exit code %d, want %d; report %+v", exit.Count, tc.code, report)
				}
				if got := events(env, lambdatest.KindSigterm, lambdatest.KindSigkill); len(got) != 0 {
					t.Errorf("signals: %v", got)
				}
			})
		})
	}
}

func TestErrorsThatExtensionsReportCondemnTheEnvironment(t *testing.T) {
	for path, kind := range map[string]string{"init": "init.error", "exit": "exit.error"} {
		t.Run(path, func(t *testing.T) {
			var got reply
			inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
				obeying(p, time.Millisecond)
				a := newAPI(p)
				id := a.register(p.Context(), "x", `["INVOKE"]`).header.Get("Lambda-Extension-Identifier")
				got = a.do(p.Context(), http.MethodPost, "/2020-01-01/extension/"+path+"/error", "{}",
					"Lambda-Extension-Identifier", id, "Lambda-Extension-Function-Error-Type", "Extension.Oops")
				p.Serve(ok)
			}, func(t *testing.T, env *lambdatest.Environment) {
				resp := invoke(t, env, lambdatest.Invocation{})
				idle(t, env)
				synctest.Wait()
				if got.status != http.StatusAccepted {
					t.Errorf("answered %d, want 202", got.status)
				}
				if resp.ErrorType != "Extension.Oops" || !strings.Contains(names(env), kind) {
					t.Errorf("answered %+v\n%s", resp, env.Log())
				}
				only(t, env, lambdatest.KindProcessExit)
			})
		})
	}
}

// TestEnvironmentCondemnedBetweenInvocationsIsReplaced: no caller waits for an answer when the extension gives up.
func TestEnvironmentCondemnedBetweenInvocationsIsReplaced(t *testing.T) {
	inMemory(t, lambdatest.Config{ManagedInstances: true}, func(p *lambdatest.Process) {
		a := newAPI(p)
		id := a.register(p.Context(), "x", `[]`).header.Get("Lambda-Extension-Identifier")
		go a.next(p.Context(), id)
		go func() {
			pause(p.Context(), time.Minute)
			a.do(p.Context(), http.MethodPost, "/2020-01-01/extension/exit/error", "{}",
				"Lambda-Extension-Identifier", id, "Lambda-Extension-Function-Error-Type", "Extension.Oops")
		}()
		p.Serve(ok)
	}, func(t *testing.T, env *lambdatest.Environment) {
		send(t, env, "{}")
		time.Sleep(2 * time.Minute)
		if resp := invoke(t, env, lambdatest.Invocation{}); resp.FunctionError != "" || !resp.Cold {
			t.Errorf("answered %+v, want a cold start that is well", resp)
		}
	})
}

func TestInitErrorOfTheRuntimeFailsTheInvocation(t *testing.T) {
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		newAPI(p).do(p.Context(), http.MethodPost, "/2018-06-01/runtime/init/error",
			`{"errorMessage":"no database","errorType":"Config"}`, "Lambda-Runtime-Function-Error-Type", "Config")
		p.Exit(1)
	}, func(t *testing.T, env *lambdatest.Environment) {
		resp := invoke(t, env, lambdatest.Invocation{})
		if resp.FunctionError == "" || only(t, env, lambdatest.KindInitError).Detail != "Config" {
			t.Errorf("answered %+v", resp)
		}
	})
}

// TestNobodyIsAnsweredWhenTheProcessIsGone: calls of next that wait break off; they do not return something empty.
func TestNobodyIsAnsweredWhenTheProcessIsGone(t *testing.T) {
	var got reply
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		a := newAPI(p)
		id := a.register(context.Background(), "signals", `[]`).header.Get("Lambda-Extension-Identifier")
		go func() { got = a.next(context.Background(), id) }()
		p.Serve(ok)
	}, func(t *testing.T, env *lambdatest.Environment) {
		send(t, env, "{}")
		shutdown(t, env)
		synctest.Wait()
		if got.err == nil {
			t.Errorf("next returned %d %q", got.status, got.body)
		}
	})
}

func TestCloseEndsABusyEnvironment(t *testing.T) {
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Serve(func() { pause(p.Context(), time.Hour) })
	}, func(t *testing.T, env *lambdatest.Environment) {
		begun := time.Now()
		time.AfterFunc(time.Second, func() { _ = env.Close() })
		if resp, err := env.Invoke(t.Context(), lambdatest.Invocation{}); err == nil && resp.FunctionError == "" {
			t.Errorf("answered %+v", resp)
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("Invoke took %v, want 1s", took)
		}
		_ = env.Close()
		if _, err := env.Invoke(t.Context(), lambdatest.Invocation{}); !errors.Is(err, lambdatest.ErrClosed) {
			t.Errorf("after Close: %v, want ErrClosed", err)
		}
	})
}
