package lambdatest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// FuzzAPI sends requests of any form while the function serves. Each gets a status of the API, and the function continues to
// serve, unless the request is a call that ends an environment.
func FuzzAPI(f *testing.F) {
	f.Add("POST", "/2020-01-01/extension/register", "x", `{"events":["INVOKE"]}`)
	f.Add("POST", "/2020-01-01/extension/register", "", `{"events":7}`)
	f.Add("GET", "/2020-01-01/extension/event/next", "id", "")
	f.Add("POST", "/2020-01-01/extension/exit/error", "id", "{}")
	f.Add("POST", "/2018-06-01/runtime/init/error", "", "{")
	f.Add("POST", "/2018-06-01/runtime/invocation/r/response", "", "{}")
	f.Add("POST", "/2018-06-01/runtime/invocation//error", "", "{}")
	f.Add("PUT", "/2022-07-01/telemetry", "", "{}")
	f.Fuzz(func(t *testing.T, method, path, name, body string) {
		if strings.HasSuffix(path, "/next") && method == http.MethodGet {
			return // blocks by design if it is allowed
		}
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			var r reply
			env := newEnvironment(t, lambdatest.Config{Timeout: time.Hour}, lambdatest.Func(func(p *lambdatest.Process) {
				p.Serve(func() {
					if calls++; calls == 1 {
						r = newAPI(p).do(p.Context(), method, path, body, "Lambda-Extension-Name", name, "Lambda-Extension-Identifier", name)
					}
				})
			}))
			send(t, env, "{}")
			if resp := invoke(t, env, lambdatest.Invocation{}); resp.FunctionError != "" || resp.Cold {
				t.Errorf("after %s %s: %+v", method, path, resp)
			}
			if r.err == nil && r.status >= http.StatusInternalServerError {
				t.Errorf("%s %s was answered with %d", method, path, r.status)
			}
		})
	})
}
