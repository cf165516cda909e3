package lambdatest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

func TestProcessEndsWhenMainReturnsOrPanics(t *testing.T) {
	for name, tc := range map[string]struct {
		main func(*lambdatest.Process)
		code int
	}{
		"return": {func(*lambdatest.Process) {}, 0},
		"panic":  {func(*lambdatest.Process) { panic("in Init") }, 2},
		"exit":   {func(p *lambdatest.Process) { p.Exit(9); panic("Exit returned") }, 9},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			inMemory(t, lambdatest.Config{Stderr: &stderr}, tc.main, func(t *testing.T, env *lambdatest.Environment) {
				if resp := invoke(t, env, lambdatest.Invocation{}); resp.ErrorType != "Runtime.ExitError" {
					t.Errorf("answered %+v", resp)
				}
				if exit := only(t, env, lambdatest.KindProcessExit); exit.Count != tc.code {
					t.Errorf("exit code %d, want %d", exit.Count, tc.code)
				}
			})
			if got := stderr.String(); strings.Contains(got, "panic: in Init") != (tc.code == 2) {
				t.Errorf("stderr %q", got)
			}
		})
	}
}

func TestSignalsReachWhoWantsThem(t *testing.T) {
	hup, all, none := make(chan os.Signal, 4), make(chan os.Signal, 4), make(chan os.Signal, 4)
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Notify(hup, syscall.SIGHUP)
		p.Notify(all)
		p.Notify(none)
		p.StopNotify(none)
		p.Serve(ok)
	}, func(t *testing.T, env *lambdatest.Environment) {
		if err := env.Signal(os.Interrupt); err == nil {
			t.Error("a signal to no process succeeded")
		}
		send(t, env, "{}")
		if err := env.Signal(syscall.SIGINT); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(all) != 0 {
			t.Error("a frozen process saw a signal")
		}
		invoke(t, env, lambdatest.Invocation{})
		if len(all) != 1 || <-all != syscall.SIGINT || len(hup) != 0 || len(none) != 0 {
			t.Errorf("got %d, %d, %d signals, want one for who wants all", len(hup), len(all), len(none))
		}
	})
}

func TestSIGINTEndsAProcessThatDoesNotWantIt(t *testing.T) {
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Serve(func() { pause(p.Context(), time.Hour) })
	}, func(t *testing.T, env *lambdatest.Environment) {
		time.AfterFunc(time.Second, func() { _ = env.Signal(syscall.SIGINT) })
		resp := invoke(t, env, lambdatest.Invocation{})
		if !strings.HasSuffix(resp.ErrorMessage, "signal: interrupt") {
			t.Errorf("answered %+v", resp)
		}
	})
}

// TestFrozenProcessExitsAtTheThaw: its timer fires in the freeze and wants to end it.
func TestFrozenProcessExitsAtTheThaw(t *testing.T) {
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Serve(func() { time.AfterFunc(time.Second, func() { p.Exit(5) }) })
	}, func(t *testing.T, env *lambdatest.Environment) {
		send(t, env, "{}")
		time.Sleep(time.Minute)
		if got := events(env, lambdatest.KindProcessExit); len(got) != 0 {
			t.Fatalf("ended while frozen: %v", got)
		}
		resp, err := env.Invoke(t.Context(), lambdatest.Invocation{})
		if exit := exited(t, env); exit.Count != 5 || exit.Seq < only(t, env, lambdatest.KindThaw).Seq {
			t.Errorf("the process ended like this: %v (%+v, %v)", exit, resp, err)
		}
	})
}

func TestContextOfAnEndedProcessIsNotMerelyCanceled(t *testing.T) {
	var cause error
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Serve(func(ctx context.Context) {
			<-p.Context().Done()
			cause = context.Cause(ctx)
		})
	}, func(t *testing.T, env *lambdatest.Environment) { invoke(t, env, lambdatest.Invocation{}) })
	if cause == nil || cause == context.Canceled { //nolint:errorlint // the sentinel itself is what must not come
		t.Errorf("the invocation's context ended with %v", cause)
	}
}

// TestHandlerShapes runs handlers that lambda.Start accepts and refuses; the conformance test compares the loops.
func TestHandlerShapes(t *testing.T) {
	type event struct{ N int }
	type result struct{ M int }
	for name, tc := range map[string]struct {
		fn      any
		payload string
		want    string
		failed  string
	}{
		"nothing":             {fn: func() {}, want: "null"},
		"event":               {fn: func(event) {}, want: "null"},
		"any":                 {fn: func(v any) (any, error) { return v, nil }, payload: `{"a":1}`, want: `{"a":1}`},
		"error":               {fn: func() error { return nil }, want: "null"},
		"context":             {fn: func(context.Context) error { return nil }, want: "null"},
		"context and event":   {fn: func(_ context.Context, e event) (result, error) { return result{e.N}, nil }, payload: `{"N":4}`, want: `{"M":4}`},
		"HTML":                {fn: func() (string, error) { return "<&>", nil }, want: `"<&>"`},
		"lambda.Handler":      {fn: echo{}, payload: "not JSON", want: "not JSON"},
		"nil":                 {failed: "handler is nil"},
		"no function":         {fn: 1, failed: "handler kind int is not func"},
		"three arguments":     {fn: func(_, _, _ int) {}, failed: "may not take more than two arguments"},
		"two events":          {fn: func(_, _ int) {}, failed: "the first is not Context"},
		"other interface":     {fn: func(error) {}, failed: "is not context.Context"},
		"three results":       {fn: func() (a, b int, err error) { return }, failed: "more than two values"},
		"no error":            {fn: func() int { return 0 }, failed: "does not implement error"},
		"two without error":   {fn: func() (a, b int) { return }, failed: "the second does not implement error"},
		"unserializable":      {fn: func() (any, error) { return func() {}, nil }, failed: "unsupported type"},
		"event of wrong JSON": {fn: func(event) {}, payload: "{", failed: "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) { p.Serve(tc.fn) },
				func(t *testing.T, env *lambdatest.Environment) {
					inv := lambdatest.Invocation{}
					if tc.payload != "" {
						inv.Payload = []byte(tc.payload)
					}
					resp := invoke(t, env, inv)
					switch {
					case tc.failed != "":
						if !strings.Contains(resp.ErrorMessage, tc.failed) {
							t.Errorf("answered %+v, want an error with %q", resp, tc.failed)
						}
					case string(resp.Payload) != tc.want || resp.StatusCode != http.StatusOK:
						t.Errorf("answered %s, want %s", resp.Payload, tc.want)
					}
				})
		})
	}
}

// echo is a lambda.Handler.
type echo struct{}

func (echo) Invoke(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }

func TestEachProcessHasVariablesOfItsOwn(t *testing.T) {
	var seen []string
	inMemory(t, lambdatest.Config{
		Env:        []string{"REPORT=of all"},
		ProcessEnv: func(process int) []string { return []string{fmt.Sprintf("REPORT=%d", process)} },
	}, func(p *lambdatest.Process) {
		seen = append(seen, p.Getenv("REPORT"))
		p.Serve(func() { p.Exit(1) })
	}, func(t *testing.T, env *lambdatest.Environment) {
		twice(t, env)
		if got := strings.Join(seen, " "); got != "1 2" {
			t.Errorf("the processes have REPORT=%s", got)
		}
	})
}
