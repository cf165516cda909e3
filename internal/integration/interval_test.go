package integration

import (
	"net/http"
	"testing"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// The agent has the optional methods of a Tracker.
var (
	_ handler.TimeoutReporter = (*agent.Agent)(nil)
	_ handler.EarlyFlusher    = (*agent.Agent)(nil)
)

// TestMetricsKeepTheirInterval has many invocations within one interval, without a registration. Their flushes come before
// the post, which is no reason to collect metrics at each: one collection is that of the first invocation's end.
func TestMetricsKeepTheirInterval(t *testing.T) {
	t.Parallel()
	const invocations = 20
	for program, c := range map[string]call{"function": flushedFirst(fails), "handler": flushedFirst(ok)} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			inMemory(t, scenario{
				Program: program, Unchecked: true, // SIGKILL ends the process, and the measurements of its last interval with it
				Config: lambdatest.Config{Faults: lambdatest.Faults{Register: lambdatest.Fault{Status: http.StatusInternalServerError}}},
				Env:    []string{"OTEL_METRIC_EXPORT_INTERVAL=3600000"},
				Logs:   []string{"agent: not registered"},
				Steps: steps(repeat(invocations, invoke(c)), func(r *run) {
					collections := 0
					for _, p := range r.Receiver.DataPoints() {
						if p.Name == "faas.coldstarts" {
							collections++
						}
					}
					if collections != 1 {
						r.Errorf("%d collections of metrics after %d invocations, want 1", collections, invocations)
					}
				}, harness.ShutdownWith(-1)),
			})
		})
	}
}
