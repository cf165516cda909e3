package agent

import (
	"context"
	"slices"
	"sync"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/internal/bounded"
)

// NotifyTimeout makes the agent call f with the request id of each invocation that times out, before the last flush that
// can deliver its telemetry: at SIGTERM, or, if no SIGTERM can come, when the agent ends its open spans, if it has any. The
// handler may still return after that. f must return quickly: the agent abandons it after 10 ms. It may be called by several
// goroutines at once.
//
// It is for package handler, which counts timeouts.
func (a *Agent) NotifyTimeout(f func(requestID string)) {
	if a != nil && f != nil {
		a.timeouts.add(f)
	}
}

// timeoutObservers are the functions of NotifyTimeout. The zero value is ready.
type timeoutObservers struct {
	mu  sync.Mutex
	all []func(requestID string)
}

func (o *timeoutObservers) add(f func(string)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, f)
}

// notify calls the functions for each of ids.
func (o *timeoutObservers) notify(ctx context.Context, ids ...string) {
	o.mu.Lock()
	all := slices.Clone(o.all)
	o.mu.Unlock()
	if len(all) == 0 || len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, budget.CallGrace)
	defer cancel()
	_ = bounded.Run(ctx, 0, func(context.Context) {
		for _, f := range all {
			for _, id := range ids {
				f(id)
			}
		}
	})
}
