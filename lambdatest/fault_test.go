package lambdatest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

func TestRegisterFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		fault      lambdatest.Fault
		status     int
		errorType  string
		body       string
		identified bool
		remembered bool
		broken     bool
	}{
		"forbidden": {
			fault:  lambdatest.Fault{Status: 403, ErrorType: "Extension.TooManyExtensions"},
			status: 403, errorType: "Extension.TooManyExtensions",
		},
		"server error":    {fault: lambdatest.Fault{Status: 500}, status: 500, errorType: "Extension.InternalError"},
		"not JSON":        {fault: lambdatest.Fault{Body: "<html>"}, status: 200, body: "<html>", identified: true, remembered: true},
		"error, not JSON": {fault: lambdatest.Fault{Status: 502, Body: "bad gateway"}, status: 502, body: "bad gateway"},
		"no identifier": {
			fault: lambdatest.Fault{OmitIdentifier: true, Times: 1}, status: 200,
			body: `{"functionName":"function","functionVersion":"$LATEST","handler":"bootstrap"}`,
		},
		"cut": {fault: lambdatest.Fault{Cut: true}, broken: true},
	} {
		t.Run(name, func(t *testing.T) {
			var r reply
			inMemory(t, lambdatest.Config{Faults: lambdatest.Faults{Register: tc.fault}}, func(p *lambdatest.Process) {
				a := newAPI(p)
				r = a.register(p.Context(), "x", `[]`)
				if id := r.header.Get("Lambda-Extension-Identifier"); id != "" {
					go a.next(p.Context(), id)
				}
				p.Serve(ok)
			}, func(t *testing.T, env *lambdatest.Environment) {
				send(t, env, "{}")
				if remembered := len(events(env, lambdatest.KindExtensionRegistered)) > 0; remembered != tc.remembered {
					t.Errorf("remembered: %t, want %t", remembered, tc.remembered)
				}
			})
			if (r.err != nil) != tc.broken || r.status != tc.status || r.errorType() != tc.errorType {
				t.Errorf("answered %d %s, %v", r.status, r.body, r.err)
			}
			if tc.body != "" && string(r.body) != tc.body {
				t.Errorf("answered %q, want %q", r.body, tc.body)
			}
			if identified := r.header.Get("Lambda-Extension-Identifier") != ""; identified != tc.identified {
				t.Errorf("identified: %t, want %t", identified, tc.identified)
			}
		})
	}
}

// TestExtensionWhoseNextIsBrokenHoldsNothing: its calls fail for good, and invocations go on without it.
func TestExtensionWhoseNextIsBrokenHoldsNothing(t *testing.T) {
	cfg := lambdatest.Config{Faults: lambdatest.Faults{Next: lambdatest.Fault{Status: 500, Skip: 2}}}
	inMemory(t, cfg, flushing(time.Second, ok), func(t *testing.T, env *lambdatest.Environment) {
		start := time.Now()
		for range 3 {
			send(t, env, "{}")
		}
		// The first and the second next go well: the flush after the second INVOKE ends in the call that fails.
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("three invocations took %v, want 2s", took)
		}
		if n := len(events(env, lambdatest.KindInvokeReleased)); n != 2 {
			t.Errorf("%d INVOKE events, want 2", n)
		}
		if got := only(t, env, lambdatest.KindExtensionNextBroken).Count; got != http.StatusInternalServerError {
			t.Errorf("answered %d, want 500", got)
		}
	})
}

func TestExtensionGetsEventsAgainWhenItsNextSucceeds(t *testing.T) {
	cfg := lambdatest.Config{Faults: lambdatest.Faults{Next: lambdatest.Fault{Body: "nonsense", Times: 1}}}
	inMemory(t, cfg, func(p *lambdatest.Process) {
		a := newAPI(p)
		id := a.register(p.Context(), "x", `["INVOKE"]`).header.Get("Lambda-Extension-Identifier")
		if r := a.next(p.Context(), id); r.status != http.StatusOK || string(r.body) != "nonsense" {
			t.Errorf("answered %d %q, want the fault", r.status, r.body)
		}
		go func() {
			for a.next(p.Context(), id).err == nil {
				pause(p.Context(), time.Second)
			}
		}()
		pause(p.Context(), time.Millisecond) // the second next comes before the runtime's
		p.Serve(ok)
	}, func(t *testing.T, env *lambdatest.Environment) {
		start := time.Now()
		send(t, env, "{}")
		send(t, env, "{}")
		if took := time.Since(start); took < time.Second || len(events(env, lambdatest.KindInvokeReleased)) == 0 {
			t.Errorf("two invocations in %v: the extension had no part in them", took)
		}
	})
}
