package matrix

import (
	"slices"
	"testing"

	"github.com/epilogue-go/epilogue/internal/harness"
)

// place is where a cell is in the matrix.
type place struct {
	platform *platform
	end      *end
	backend  *backend
}

func (p place) String() string { return p.platform.name + "/" + p.end.name + "/" + p.backend.name }

// places returns all of them.
func places() (all []place) {
	for p := range platforms {
		for e := range ends {
			for b := range backends {
				if platforms[p].all || backends[b].every {
					all = append(all, place{&platforms[p], &ends[e], &backends[b]})
				}
			}
		}
	}
	return all
}

// cell is a place whose scenario has run.
type cell struct {
	place
	*harness.Run
}

func (p place) run(t *testing.T) *cell {
	t.Helper()
	return &cell{p, harness.Child(t, p.scenario(t))}
}

// scenario is the same in every cell: a good invocation, the one with the end, another good one, and the shutdown.
func (p place) scenario(t *testing.T) harness.Scenario {
	t.Helper()
	good := func(id string) harness.Step {
		return harness.Invoke(harness.Call{ID: id, Payload: do("ok"), Expect: harness.Expect{Answer: done}})
	}
	call := p.call()
	step := harness.Invoke(call)
	if p.end.signal != nil {
		step = p.end.signal(p, call)
	}
	config := p.platform.config
	config.Timeout, config.ShutdownWindow = longTimeout, window
	if p.end.timesOut {
		config.Timeout = shortTimeout
	}
	b := p.backend
	return harness.Scenario{
		Program: "matrix", Config: config, Listen: b.listen, Unchecked: true,
		Env: slices.Concat(p.platform.variables(t), []string{
			harness.WithoutInitSpan + "=true", // each cell counts the same spans, whether its process is the first or not
			"EPILOGUE_HANDLER_START_WAIT=" + startWait.String(), "EPILOGUE_FLUSH_TIMEOUT=" + b.flushTimeout.String(),
			"EPILOGUE_SHUTDOWN_BUDGET=", // the default
		}),
		Steps: []harness.Step{
			harness.SetFault(b.always), good("1-first"), b.frozen,
			b.begin(p.end.holdsRequest), step, b.end, b.frozen,
			good("3-last"), b.frozen, harness.ShutdownWith(terminated.code(p.platform)),
		},
	}
}

// call is the invocation with the end. Its spans may be exported before its outcome if the process ends with it, if nothing
// holds the environment afterwards, or shortly before a timeout.
func (p place) call() harness.Call {
	e := p.end
	c := harness.Call{ID: "2-end", Name: e.name, Payload: e.payload, Expect: harness.Expect{
		Answer: e.answer, ErrorType: e.errType, TimesOut: e.timesOut, Early: e.early || p.platform.unheld && e.earlyUnheld,
	}}
	if e.after != lives && e.signal == nil {
		code := e.after.code(p.platform)
		c.Exit = &code
	}
	return c
}
