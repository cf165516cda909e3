package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/lambdatest"
)

func TestResponsesOver6MBAreRefusedWith413(t *testing.T) {
	const limit = 6<<20 + 100
	for name, size := range map[string]int{"at the limit": limit, "over it": limit + 1, "far over it": 3 * limit} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
				p.Serve(func() (io.Reader, error) { return strings.NewReader(strings.Repeat("x", size)), nil })
			}, func(t *testing.T, env *lambdatest.Environment) {
				resp := invoke(t, env, lambdatest.Invocation{})
				idle(t, env)
				if size <= limit {
					if len(resp.Payload) != size || only(t, env, lambdatest.KindResponsePosted).Count != size {
						t.Errorf("got %d bytes, want %d", len(resp.Payload), size)
					}
					return
				}
				if resp.ErrorType != "Function.ResponseSizeTooLarge" {
					t.Errorf("the caller was told %q", resp.ErrorType)
				}
				if got := only(t, env, lambdatest.KindResponseRefused).Count; got != http.StatusRequestEntityTooLarge {
					t.Errorf("refused with %d, want 413", got)
				}
				report := lambdatest.Invocations(env.Log().Events())[0]
				if got := only(t, env, lambdatest.KindProcessExit).Count; got != 1 || report.Refused != http.StatusRequestEntityTooLarge {
					t.Errorf("exit code %d, want 1; report %+v", got, report)
				}
			})
		})
	}
}

// TestRuntimeLoopKeepsTheOrderOfAwsLambdaGo records the times of the body's end, of Close and of the context's end, and the
// platform's events.
func TestRuntimeLoopKeepsTheOrderOfAwsLambdaGo(t *testing.T) {
	for name, tc := range map[string]struct {
		config lambdatest.Config
		fail   error
		body   string
		want   string
	}{
		"response": {
			body: "fine",
			want: "begun posted answered close cancel next",
		},
		"error": {
			fail: errors.New("no"),
			want: "error answered cancel next",
		},
		"refused response": {
			config: lambdatest.Config{MaxResponse: 3},
			body:   "too long",
			want:   "begun refused answered close cancel exit",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var steps []string
			inMemory(t, tc.config, func(p *lambdatest.Process) {
				p.Serve(func(ctx context.Context) (io.Reader, error) {
					context.AfterFunc(ctx, func() {
						if errors.Is(context.Cause(ctx), context.Canceled) {
							steps = append(steps, "cancel")
						}
					})
					if tc.fail != nil {
						return nil, tc.fail
					}
					return &noted{body: strings.NewReader(tc.body), close: func() {
						time.Sleep(time.Millisecond)
						steps = append(steps, "close")
					}}, nil
				})
			}, func(t *testing.T, env *lambdatest.Environment) {
				send(t, env, "{}")
				synctest.Wait()
				got := strings.Join(append(platformSteps(env, true), append(steps, platformSteps(env, false)...)...), " ")
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				last := events(env, lambdatest.KindRuntimeNext, lambdatest.KindProcessExit)
				if first := events(env, lambdatest.KindCallerAnswered)[0]; tc.fail == nil && !last[len(last)-1].At.After(first.At) {
					t.Error("Close did not come between the post and the end")
				}
			})
		})
	}
}

// noted is a reader that is told of its Close. It has no exported field: its JSON has to be {}, or the response is JSON.
type noted struct {
	body  io.Reader
	close func()
}

func (n *noted) Read(b []byte) (int, error) { return n.body.Read(b) }

func (n *noted) Close() error { n.close(); return nil }

// platformSteps names what the platform saw of an invocation: up to the caller's answer, or after it.
func platformSteps(env *lambdatest.Environment, before bool) []string {
	answered := events(env, lambdatest.KindCallerAnswered)[0].Seq
	var steps []string
	for _, e := range env.Log().Events() {
		name, known := map[string]string{
			"response.begun": "begun", "response.posted": "posted", "response.refused": "refused", "error.posted": "error",
			"caller.answered": "answered", "runtime.next": "next", "process.exit": "exit",
		}[string(e.Kind)]
		if known && (e.RequestID != "" || name == "exit") && (e.Seq <= answered) == before {
			steps = append(steps, name)
		}
	}
	return steps
}

func TestPostsForOtherInvocationsAreRefused(t *testing.T) {
	var replies []reply
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Serve(func() error {
			a := newAPI(p)
			for _, path := range []string{"other/response", "other/error"} {
				replies = append(replies, a.do(p.Context(), http.MethodPost, "/2018-06-01/runtime/invocation/"+path, "{}"))
			}
			replies = append(replies, a.do(p.Context(), http.MethodGet, "/2018-06-01/runtime/invocation/next", ""))
			return nil
		})
	}, func(t *testing.T, env *lambdatest.Environment) { send(t, env, "{}") })
	for i, want := range []struct {
		status    int
		errorType string
	}{
		{http.StatusBadRequest, "InvalidRequestID"},
		{http.StatusBadRequest, "InvalidRequestID"},
		{http.StatusForbidden, "InvalidStateTransition"},
	} {
		if got := replies[i]; got.status != want.status || got.errorType() != want.errorType {
			t.Errorf("%d: answered %d %s, want %d %s", i, got.status, got.body, want.status, want.errorType)
		}
	}
}

// TestPostAfterABrokenOneIsAccepted asserts that a response that breaks off is refused and does not settle the invocation.
func TestPostAfterABrokenOneIsAccepted(t *testing.T) {
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Serve(func(ctx context.Context) (string, error) {
			lc, _ := lambdacontext.FromContext(ctx)
			a := newAPI(p)
			broken := &stream{parts: []string{"half"}, end: errors.New("cut off")}
			path := "/2018-06-01/runtime/invocation/" + lc.AwsRequestID + "/response"
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+path, broken)
			if err != nil {
				return "", err
			}
			if resp, err := a.client.Do(req); err == nil {
				_ = resp.Body.Close()
				return "", fmt.Errorf("the broken post got status %d", resp.StatusCode)
			}
			pause(ctx, time.Millisecond) // until the platform has noticed
			return "whole", nil
		})
	}, func(t *testing.T, env *lambdatest.Environment) {
		if got := string(invoke(t, env, lambdatest.Invocation{}).Payload); got != `"whole"` {
			t.Errorf("the caller got %s", got)
		}
		if n := len(events(env, lambdatest.KindResponseRefused)); n != 1 {
			t.Errorf("%d posts were refused, want one", n)
		}
		if report := lambdatest.Invocations(env.Log().Events())[0]; report.Refused != 0 || report.ErrorType != "" {
			t.Errorf("the report says that the response was refused: %+v", report)
		}
	})
}
