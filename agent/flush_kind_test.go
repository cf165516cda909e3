package agent_test

import (
	"context"
	"slices"
	"testing"
	"time"
)

// TestForceFlushIsForTheLastChance asserts that the end of an invocation calls Flush, so that metrics keep their interval,
// and that the agent calls ForceFlush if no later flush is certain.
func TestForceFlushIsForTheLastChance(t *testing.T) {
	const regular, forced = "", "forced"
	for name, tt := range map[string]struct {
		arrange func(w *run)
		outcome func(m *function)
		want    []string // the last one is that of SIGTERM
	}{
		"ends":                                  {func(*run) {}, func(*function) {}, []string{regular, forced}},
		"before an exit":                        {func(*run) {}, func(m *function) { m.agent.FlushBeforeExit(m.id) }, []string{forced, regular, forced}},
		"before an outcome that may be refused": {func(*run) {}, func(m *function) { _ = m.agent.Flush(m.id) }, []string{forced, regular, forced}},
		"before a timeout":                      {func(*run) {}, func(*function) { time.Sleep(900 * time.Millisecond) }, []string{regular, regular, forced}},
		"before a timeout without SIGTERM":      {refused, func(*function) { time.Sleep(900 * time.Millisecond) }, []string{regular, forced, regular}},
		"before a post that End would follow":   {refused, func(m *function) { _ = m.agent.FlushEarly(m.id) }, []string{regular}},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(w *run) {
				w.config.Timeout = shortTimeout
				tt.arrange(w)
				w.handle = func(_ context.Context, m *function) error { tt.outcome(m); return nil }
			}, func(w *run) {
				w.serves("r")
				w.idle()
				w.shutdown()
				var got []string
				for _, e := range w.find(flushBegun, "") {
					got = append(got, e.Who)
				}
				if !slices.Equal(got, tt.want) {
					w.Errorf("kinds of flushes %q, want %q", got, tt.want)
				}
			})
		})
	}
}
