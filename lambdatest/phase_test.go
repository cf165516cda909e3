package lambdatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// flushing serves fn with an extension that takes d after each INVOKE.
func flushing(d time.Duration, fn any) func(*lambdatest.Process) {
	return func(p *lambdatest.Process) {
		extend(p.Context(), newAPI(p), "flusher", `["INVOKE"]`, sleeper(d))
		p.Serve(fn)
	}
}

func TestCallerIsAnsweredAtTheResponse(t *testing.T) {
	inMemory(t, lambdatest.Config{}, flushing(time.Second, ok), func(t *testing.T, env *lambdatest.Environment) {
		start := time.Now()
		resp := invoke(t, env, lambdatest.Invocation{RequestID: "r1"})
		if took := time.Since(start); took != 0 {
			t.Errorf("answered after %v, want at once: the extension is none of the caller's business", took)
		}
		want := lambdatest.Response{
			RequestID: "r1", Payload: []byte(`"fine"`), ContentType: "application/json", StatusCode: http.StatusOK, Cold: true,
		}
		if diff := cmp.Diff(want, resp); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestNextInvocationIsHeldUntilAllHaveCalledNext(t *testing.T) {
	for name, main := range map[string]func(*lambdatest.Process){
		"the extension is last": flushing(time.Second, ok),
		"the runtime is last": flushing(0, func() (*closing, error) { // Close runs between the response and next
			return &closing{after: time.Second}, nil
		}),
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, lambdatest.Config{}, main, func(t *testing.T, env *lambdatest.Environment) {
				invoke(t, env, lambdatest.Invocation{})
				start := time.Now()
				if resp := invoke(t, env, lambdatest.Invocation{}); resp.Cold || time.Since(start) != time.Second {
					t.Errorf("answered %+v after %v, want a warm start after 1s", resp, time.Since(start))
				}
				freeze, done := only(t, env, lambdatest.KindFreeze), only(t, env, lambdatest.KindPhaseDone)
				for _, next := range events(env, lambdatest.KindExtensionNext, lambdatest.KindRuntimeNext) {
					if next.RequestID == done.RequestID && (next.Seq > done.Seq || done.Seq > freeze.Seq) {
						t.Errorf("out of order:\n%s", env.Log())
					}
				}
			})
		})
	}
}

// closing is a response whose Close takes a while.
type closing struct {
	stream

	after time.Duration
}

func (c *closing) Close() error { time.Sleep(c.after); return nil }

// TestFrozenProcessDoesNothingUntilTheThaw lets a timer fire in a frozen process: its request leaves at the thaw.
func TestFrozenProcessDoesNothingUntilTheThaw(t *testing.T) {
	arrived := make(chan time.Time, 1)
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Serve(func() error {
			time.AfterFunc(time.Minute, func() {
				if conn, err := p.Dial(p.Context(), "tcp", "collector:4318"); err == nil {
					_ = conn.Close()
				}
			})
			return nil
		})
	}, func(t *testing.T, env *lambdatest.Environment) {
		l, err := env.Network().Listen("collector:4318")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, _ := l.Accept()
			arrived <- time.Now()
			_ = conn.Close()
		}()
		invoke(t, env, lambdatest.Invocation{})
		idle(t, env)
		start := time.Now()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(arrived) != 0 {
			t.Error("a frozen process reached its collector")
		}
		if got := only(t, env, lambdatest.KindFrozenActivity); got.Who != "collector:4318" || got.Detail != "dial" {
			t.Errorf("logged %v", got)
		}
		invoke(t, env, lambdatest.Invocation{})
		if after := (<-arrived).Sub(start); after != time.Hour {
			t.Errorf("arrived %v after the freeze, want 1h", after)
		}
		if thaw := only(t, env, lambdatest.KindThaw); thaw.Duration != time.Hour {
			t.Errorf("frozen for %v, want 1h", thaw.Duration)
		}
		_ = l.Close()
	})
}

func TestOrders(t *testing.T) {
	// Each order is identified by where INVOKE stands among what the runtime does.
	const handlerTakes = 100 * time.Millisecond
	for order, want := range map[lambdatest.Order][]eventlog.Kind{
		lambdatest.OrderInvokeFirst: {
			lambdatest.KindInvokeReleased, lambdatest.KindInvocationReleased, lambdatest.KindResponsePosted, lambdatest.KindRuntimeNext,
		},
		lambdatest.OrderInvocationFirst: {
			lambdatest.KindInvocationReleased, lambdatest.KindInvokeReleased, lambdatest.KindResponsePosted, lambdatest.KindRuntimeNext,
		},
		lambdatest.OrderInvokeLate: {
			lambdatest.KindInvocationReleased, lambdatest.KindResponsePosted, lambdatest.KindInvokeReleased, lambdatest.KindRuntimeNext,
		},
		lambdatest.OrderInvokeLast: {
			lambdatest.KindInvocationReleased, lambdatest.KindResponsePosted, lambdatest.KindRuntimeNext, lambdatest.KindInvokeReleased,
		},
	} {
		t.Run(strconv.Itoa(int(order)), func(t *testing.T) {
			cfg := lambdatest.Config{Order: order, OrderGap: 50 * time.Millisecond}
			inMemory(t, cfg, flushing(0, func() { time.Sleep(handlerTakes) }),
				func(t *testing.T, env *lambdatest.Environment) {
					send(t, env, "{}")
					first, second := only(t, env, want[0]), only(t, env, want[1])
					if gap := second.At.Sub(first.At); want[1] != lambdatest.KindResponsePosted && gap != cfg.OrderGap {
						t.Errorf("the second half came %v after the first, want %v", gap, cfg.OrderGap)
					}
					init := only(t, env, lambdatest.KindInitDone)
					var got []eventlog.Kind
					for _, e := range events(env, want...) {
						if e.Seq > init.Seq {
							got = append(got, e.Kind)
						}
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("(-want +got)\n%s", diff)
					}
				})
		})
	}
}

func TestRandomOrderIsRepeatableAndMixed(t *testing.T) {
	draw := func(seed uint64) string {
		var order strings.Builder
		inMemory(t, lambdatest.Config{Seed: seed}, flushing(0, ok), func(t *testing.T, env *lambdatest.Environment) {
			for range 20 {
				send(t, env, "{}")
			}
			seen := ""
			for _, e := range events(env, lambdatest.KindInvokeReleased, lambdatest.KindInvocationReleased) {
				if seen != e.RequestID {
					order.WriteByte(e.Kind[4])
				}
				seen = e.RequestID
			}
		})
		return order.String()
	}
	first, again, other := draw(1), draw(1), draw(2)
	if first != again {
		t.Errorf("seed 1 gave %s, then %s", first, again)
	}
	if first == other {
		t.Errorf("seeds 1 and 2 both gave %s", first)
	}
}

func TestInvocationAndInvokeEventAgree(t *testing.T) {
	const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	var event struct {
		EventType, RequestID, InvokedFunctionArn string
		DeadlineMs                               int64
		Tracing                                  *struct{ Type, Value string }
	}
	var lc lambdacontext.LambdaContext
	var deadline time.Time
	var fromContext any
	var fromEnv string
	inMemory(t, lambdatest.Config{FunctionName: "orders", Region: "eu-north-1", AccountID: "111122223333", Timeout: 7 * time.Second},
		func(p *lambdatest.Process) {
			extend(p.Context(), newAPI(p), "x", `["INVOKE"]`, func(_ context.Context, body []byte) { _ = json.Unmarshal(body, &event) })
			p.Serve(func(ctx context.Context) error {
				seen, _ := lambdacontext.FromContext(ctx)
				lc = *seen
				deadline, _ = ctx.Deadline()
				fromContext, fromEnv = ctx.Value("x-amzn-trace-id"), p.Getenv("_X_AMZN_TRACE_ID")
				return nil
			})
		}, func(t *testing.T, env *lambdatest.Environment) {
			start := time.Now()
			resp := invoke(t, env, lambdatest.Invocation{
				TraceHeader: header, TenantID: "t1", ClientContext: `{"custom":{"k":"v"}}`, CognitoIdentity: `{"CognitoIdentityId":"c"}`,
			})
			idle(t, env)
			const arn = "arn:aws:lambda:eu-north-1:111122223333:function:orders"
			if event.EventType != "INVOKE" || event.RequestID != resp.RequestID || event.InvokedFunctionArn != arn {
				t.Errorf("INVOKE %+v", event)
			}
			if lc.AwsRequestID != resp.RequestID || lc.InvokedFunctionArn != arn || lc.TenantID != "t1" ||
				lc.ClientContext.Custom["k"] != "v" || lc.Identity.CognitoIdentityID != "c" {
				t.Errorf("context %+v", lc)
			}
			if fromContext != header || fromEnv != header || event.Tracing == nil ||
				event.Tracing.Type != "X-Amzn-Trace-Id" || event.Tracing.Value != header {
				t.Errorf("the function saw the trace header %q and %q, INVOKE %+v", fromContext, fromEnv, event.Tracing)
			}
			if want := start.Add(7 * time.Second); !deadline.Equal(want) || event.DeadlineMs != want.UnixMilli() {
				t.Errorf("deadlines %v and %d, want %v", deadline, event.DeadlineMs, want)
			}
			event.Tracing = nil
			invoke(t, env, lambdatest.Invocation{})
			idle(t, env)
			if fromContext != "" || fromEnv != "" || event.Tracing != nil {
				t.Errorf("without a trace header: %q, %q, %+v", fromContext, fromEnv, event.Tracing)
			}
		})
}

// TestEventWaitsForAnExtensionThatHungUp: its call of next broke off, and the event comes with the next one.
func TestEventWaitsForAnExtensionThatHungUp(t *testing.T) {
	var got reply
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		a := newAPI(p)
		id := a.register(p.Context(), "x", `["INVOKE"]`).header.Get("Lambda-Extension-Identifier")
		short, cancel := context.WithTimeout(p.Context(), time.Second)
		defer cancel()
		if r := a.next(short, id); r.err == nil {
			t.Errorf("next returned %d before any invocation", r.status)
		}
		synctest.Wait() // the environment has noticed
		go func() {
			pause(p.Context(), time.Second)
			got = a.next(p.Context(), id)
			a.next(p.Context(), id)
		}()
		p.Serve(ok)
	}, func(t *testing.T, env *lambdatest.Environment) {
		send(t, env, "{}")
		if !strings.Contains(string(got.body), `"eventType":"INVOKE"`) {
			t.Errorf("got %d %s, %v", got.status, got.body, got.err)
		}
		if took := only(t, env, lambdatest.KindPhaseDone).Duration; took != time.Second {
			t.Errorf("the phase took %v, want 1s", took)
		}
	})
}

func TestExternalExtensionHoldsThePhaseAndShortensTheWindow(t *testing.T) {
	cfg := lambdatest.Config{ExternalExtensions: []lambdatest.ExternalExtension{{Name: "agent", Hold: time.Second}}}
	inMemory(t, cfg, func(p *lambdatest.Process) { p.Serve(ok) }, func(t *testing.T, env *lambdatest.Environment) {
		invoke(t, env, lambdatest.Invocation{})
		start := time.Now()
		idle(t, env)
		if took := time.Since(start); took != time.Second {
			t.Errorf("busy for %v after the response, want 1s", took)
		}
		shutdown(t, env)
		if window := only(t, env, lambdatest.KindSigterm).Duration; window != 300*time.Millisecond {
			t.Errorf("a window of %v, want 300ms", window)
		}
	})
}

func TestInvokeReturnsWhenItsContextEndsAndTheInvocationGoesOn(t *testing.T) {
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Serve(func() { time.Sleep(time.Second) })
	}, func(t *testing.T, env *lambdatest.Environment) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := env.Invoke(ctx, lambdatest.Invocation{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the context", err)
		}
		if err := env.WaitIdle(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitIdle: got %v, want the end of the context", err)
		}
		idle(t, env)
		only(t, env, lambdatest.KindResponsePosted)
	})
}
