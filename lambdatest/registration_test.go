package lambdatest_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

func TestExtensionsAPIRefuses(t *testing.T) {
	ctx := context.Background()
	for name, tc := range map[string]struct {
		config lambdatest.Config
		call   func(a *api) reply
		want   string
	}{
		"the event SHUTDOWN of an internal extension": {
			call: func(a *api) reply { return a.register(ctx, "a", `["INVOKE","SHUTDOWN"]`) }, want: "Extension.InvalidEventType",
		},
		"an unknown event": {
			call: func(a *api) reply { return a.register(ctx, "a", `["RESTORE"]`) }, want: "Extension.InvalidEventType",
		},
		"any event on Managed Instances": {
			config: lambdatest.Config{ManagedInstances: true},
			call:   func(a *api) reply { return a.register(ctx, "a", `["INVOKE"]`) }, want: "Extension.InvalidEventType",
		},
		"the same name again": {
			call: func(a *api) reply { extend(ctx, a, "a", `[]`, nil); return a.register(ctx, "a", `[]`) },
			want: "Extension.InvalidExtensionState",
		},
		"the eleventh extension": {
			config: lambdatest.Config{ExternalExtensions: []lambdatest.ExternalExtension{{Name: "agent"}, {Name: "secrets"}}},
			call: func(a *api) reply {
				for i := range 8 {
					extend(ctx, a, "internal"+strconv.Itoa(i), `[]`, nil)
				}
				return a.register(ctx, "one more", `[]`)
			},
			want: "Extension.TooManyExtensions",
		},
		"no name":       {call: func(a *api) reply { return a.register(ctx, "", `[]`) }, want: "Extension.InvalidExtensionName"},
		"no JSON":       {call: func(a *api) reply { return a.register(ctx, "a", `nonsense`) }, want: "InvalidRequestFormat"},
		"no identifier": {call: func(a *api) reply { return a.next(ctx, "") }, want: "Extension.MissingExtensionIdentifier"},
		"an unknown identifier": {
			call: func(a *api) reply { return a.next(ctx, "0a0b0c0d-0000-4000-8000-000000000000") },
			want: "Extension.UnknownExtensionIdentifier",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, tc.config, func(p *lambdatest.Process) {
				wantRefusal(t, tc.call(newAPI(p)), tc.want)
				p.Serve(ok)
			}, func(t *testing.T, env *lambdatest.Environment) { invoke(t, env, lambdatest.Invocation{}) })
		})
	}
}

func wantRefusal(t *testing.T, r reply, errorType string) {
	t.Helper()
	if r.status != http.StatusForbidden || r.errorType() != errorType {
		t.Errorf("answered %d %s, want 403 %s", r.status, r.body, errorType)
	}
	if id := r.header.Get("Lambda-Extension-Identifier"); id != "" {
		t.Errorf("a refusal brought the identifier %q", id)
	}
}

func TestRegistrationAnswersWhoTheFunctionIs(t *testing.T) {
	var plain, featured reply
	inMemory(t, lambdatest.Config{FunctionName: "orders", FunctionVersion: "7", Handler: "main", AccountID: "111122223333"},
		func(p *lambdatest.Process) {
			a := newAPI(p)
			plain = a.register(p.Context(), "a", `["INVOKE"]`)
			featured = a.do(p.Context(), http.MethodPost, "/2020-01-01/extension/register", `{"events":[]}`,
				"Lambda-Extension-Name", "b", "Lambda-Extension-Accept-Feature", "accountId")
		}, func(t *testing.T, env *lambdatest.Environment) { invoke(t, env, lambdatest.Invocation{}) })
	want := `{"functionName":"orders","functionVersion":"7","handler":"main"}`
	if got := string(plain.body); got != want || plain.status != http.StatusOK {
		t.Errorf("answered %d %s, want %s", plain.status, got, want)
	}
	want = `{"accountId":"111122223333","functionName":"orders","functionVersion":"7","handler":"main"}`
	if got := string(featured.body); got != want {
		t.Errorf("with accountId: %s, want %s", got, want)
	}
	if a, b := plain.header.Get("Lambda-Extension-Identifier"), featured.header.Get("Lambda-Extension-Identifier"); a == "" || a == b {
		t.Errorf("identifiers %q and %q, want two", a, b)
	}
}

func TestRegistrationClosesAtTheRuntimesFirstNext(t *testing.T) {
	var late reply
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		p.Serve(func() error {
			late = newAPI(p).register(p.Context(), "late", `["INVOKE"]`)
			return nil
		})
	}, func(t *testing.T, env *lambdatest.Environment) { invoke(t, env, lambdatest.Invocation{}) })
	wantRefusal(t, late, "Extension.RegistrationClosed")
}

func TestExtensionWithoutEventsNeverGetsOne(t *testing.T) {
	var returned bool
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		a := newAPI(p)
		id := a.register(p.Context(), "signals", `[]`).header.Get("Lambda-Extension-Identifier")
		go func() {
			r := a.next(p.Context(), id)
			returned = r.err == nil
		}()
		p.Serve(ok)
	}, func(t *testing.T, env *lambdatest.Environment) {
		twice(t, env)
		time.Sleep(time.Hour)
		synctest.Wait()
		if returned {
			t.Error("next returned")
		}
		if got := events(env, lambdatest.KindInvokeReleased); len(got) != 0 {
			t.Errorf("INVOKE was released: %v", got)
		}
	})
}

func TestInitLastsUntilEveryExtensionHasCalledNext(t *testing.T) {
	inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
		a := newAPI(p)
		id := a.register(p.Context(), "slow", `["INVOKE"]`).header.Get("Lambda-Extension-Identifier")
		go func() {
			pause(p.Context(), 2*time.Second)
			for a.next(p.Context(), id).status == http.StatusOK {
				pause(p.Context(), time.Millisecond)
			}
		}()
		p.Serve(ok)
	}, func(t *testing.T, env *lambdatest.Environment) {
		invoke(t, env, lambdatest.Invocation{})
		if took := only(t, env, lambdatest.KindInitDone).Duration; took != 2*time.Second {
			t.Errorf("Init took %v, want 2s", took)
		}
	})
}

func TestInitFailsAtItsTimeoutWhereAnExtensionNeverCallsNext(t *testing.T) {
	for _, events := range []string{`["INVOKE"]`, `[]`} {
		inMemory(t, lambdatest.Config{}, func(p *lambdatest.Process) {
			newAPI(p).register(p.Context(), "silent", events)
			p.Serve(ok)
		}, func(t *testing.T, env *lambdatest.Environment) {
			start := time.Now()
			resp := invoke(t, env, lambdatest.Invocation{})
			if took := time.Since(start); !resp.TimedOut || resp.FunctionError == "" || took != 10*time.Second {
				t.Errorf("%s: answered %+v after %v, want a timeout after 10s", events, resp, took)
			}
			idle(t, env)
			if got := only(t, env, lambdatest.KindInitFailed).Detail; got != "Sandbox.Timedout" {
				t.Errorf("%s: Init failed with %q", events, got)
			}
			only(t, env, lambdatest.KindProcessExit)
		})
	}
}
