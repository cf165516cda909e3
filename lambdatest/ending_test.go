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

func TestShutdownThawsThenSendsSIGTERM(t *testing.T) {
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		obeying(p, 100*time.Millisecond)
		flushing(0, ok)(p)
	}, func(t *testing.T, env *lambdatest.Environment) {
		send(t, env, "{}")
		time.Sleep(time.Hour)
		exit, err := env.Shutdown(t.Context())
		if want := (lambdatest.Exit{Took: 100 * time.Millisecond}); err != nil || exit != want {
			t.Errorf("got %+v, %v, want %+v", exit, err, want)
		}
		if thaw, term := only(t, env, lambdatest.KindThaw), only(t, env, lambdatest.KindSigterm); thaw.Seq > term.Seq {
			t.Error("SIGTERM came before the thaw")
		}
		if got := events(env, lambdatest.KindSigkill); len(got) != 0 {
			t.Errorf("killed: %v", got)
		}
	})
}

func TestSIGKILLFollowsSIGTERMAfterTheWindow(t *testing.T) {
	for name, tc := range map[string]struct{ set, want time.Duration }{
		"default": {0, 500 * time.Millisecond}, "set": {2 * time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, lambdatest.Config{ShutdownWindow: tc.set}, func(p *lambdatest.Process) {
				obeying(p, time.Hour)
				flushing(0, ok)(p)
			}, func(t *testing.T, env *lambdatest.Environment) {
				send(t, env, "{}")
				exit, err := env.Shutdown(t.Context())
				if want := (lambdatest.Exit{Code: -1, Signal: "killed", Took: tc.want, Killed: true}); err != nil || exit != want {
					t.Errorf("got %+v, %v, want %+v", exit, err, want)
				}
			})
		})
	}
}

func TestSIGKILLAtOnceWithNoExtension(t *testing.T) {
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		obeying(p, 0)
		p.Serve(ok)
	}, func(t *testing.T, env *lambdatest.Environment) {
		send(t, env, "{}")
		exit, err := env.Shutdown(t.Context())
		if want := (lambdatest.Exit{Code: -1, Signal: "killed", Killed: true}); err != nil || exit != want {
			t.Errorf("got %+v, %v, want %+v", exit, err, want)
		}
	})
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

func TestTimeoutCoversTheHandler(t *testing.T) {
	inMemory(t, lambdatest.Config{}, flushing(0, func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return nil }),
		func(t *testing.T, env *lambdatest.Environment) {
			start := time.Now()
			resp := invoke(t, env, lambdatest.Invocation{})
			if took := time.Since(start); took != 3*time.Second || !resp.TimedOut || resp.ErrorType != "Sandbox.Timedout" ||
				!strings.Contains(resp.ErrorMessage, "Task timed out after 3.00 seconds") {
				t.Errorf("answered %+v after %v", resp, took)
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

func TestTimeoutResetsTheEnvironment(t *testing.T) {
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
		send(t, env, "{}")
		if exit := only(t, env, lambdatest.KindProcessExit); exit.Duration != 100*time.Millisecond || exit.Count != 0 {
			t.Errorf("the process ended like this: %v", exit)
		}
		if resp := invoke(t, env, lambdatest.Invocation{}); !resp.Cold || resp.FunctionError != "" {
			t.Errorf("the next invocation: %+v, want a cold start that is well", resp)
		}
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

func TestPanicEndsTheProcessWithoutSIGTERM(t *testing.T) {
	inMemory(t, lambdatest.Config{}, flushing(0, func() { panic("boom") }), func(t *testing.T, env *lambdatest.Environment) {
		resp := invoke(t, env, lambdatest.Invocation{})
		if resp.FunctionError != "Unhandled" || resp.ErrorType != "string" || resp.ErrorMessage != "boom" {
			t.Errorf("answered %+v", resp)
		}
		idle(t, env)
		if exit := only(t, env, lambdatest.KindProcessExit); exit.Count != 1 {
			t.Errorf("exit code %d, want 1", exit.Count)
		}
		if got := events(env, lambdatest.KindSigterm, lambdatest.KindSigkill); len(got) != 0 {
			t.Errorf("signals: %v", got)
		}
	})
}

func TestExitAnswersTheCallerWithRuntimeExitError(t *testing.T) {
	var code int
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Serve(func() { p.Exit(code) })
	}, func(t *testing.T, env *lambdatest.Environment) {
		for _, want := range []string{"Runtime exited without providing a reason", "Runtime exited with error: exit status 7"} {
			resp := invoke(t, env, lambdatest.Invocation{})
			if resp.ErrorType != "Runtime.ExitError" || !strings.HasSuffix(resp.ErrorMessage, want) || !resp.Cold {
				t.Errorf("answered %+v, want %s", resp, want)
			}
			idle(t, env)
			code = 7
		}
	})
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
