package agent_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// The context that aws-lambda-go gives ends at the deadline in whole milliseconds, a little before the platform's.
func TestErrorAtTheDeadlineWaitsForSigterm(t *testing.T) {
	scenario(t, func(w *run) {
		w.handle = func(ctx context.Context, m *function) error {
			<-ctx.Done()
			return errors.Join(ctx.Err(), m.agent.Flush(m.id)) // as a wrapped handler does once its context is over
		}
	}, func(w *run) {
		time.Sleep(999 * time.Microsecond)
		w.invokeAs("r")
		w.idle()
		w.exits(w.one(lambdatest.KindSigterm, "").At, 0)
		w.none(lambdatest.KindErrorPosted, lambdatest.KindResponseRefused) // after which the process would have ended
		w.logs("SIGTERM received", "graceful shutdown completed")
	})
}

// If the platform has no extension it sends no SIGTERM; on Managed Instances the environment outlives a deadline.
func TestErrorAtTheDeadlineWaitsForNothingElse(t *testing.T) {
	for name, config := range map[string]lambdatest.Config{
		"unregistered":      {Faults: lambdatest.Faults{Register: lambdatest.Fault{Status: http.StatusInternalServerError}}},
		"managed-instances": {ManagedInstances: true, Concurrency: 1},
	} {
		t.Run(name, func(t *testing.T) {
			var waited time.Duration
			scenario(t, func(w *run) {
				w.config.ManagedInstances, w.config.Concurrency, w.config.Faults = config.ManagedInstances, config.Concurrency, config.Faults
				w.handle = func(ctx context.Context, m *function) error {
					<-ctx.Done()
					began := time.Now()
					defer func() { waited = time.Since(began) }()
					return m.agent.Flush(m.id)
				}
			}, func(w *run) {
				time.Sleep(999 * time.Microsecond)
				w.invokeAs("r")
				w.idle()
			})
			if waited != 0 {
				t.Errorf("waited for %s", waited)
			}
		})
	}
}
