package agent

import "testing"

// TestStates is the table of docs/design.md, "agent: who flushes when".
func TestStates(t *testing.T) {
	for _, tt := range []struct {
		s                                            state
		name                                         string
		freezes, loopFlushes, endFlushes, intervalOn bool
	}{
		{classic, "classic", true, true, false, false},
		{signalOnly, "signal-only", true, false, true, false},
		{managed, "managed", false, false, false, true},
		{detached, "detached", true, false, true, false},
		{outside, "outside", false, false, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.String(); got != tt.name {
				t.Errorf("name %q", got)
			}
			if tt.s.freezes() != tt.freezes || tt.s.loopFlushes() != tt.loopFlushes ||
				tt.s.endFlushes() != tt.endFlushes || tt.s.intervalFlush() != tt.intervalOn {
				t.Errorf("freezes %t, loop flushes %t, end flushes %t, interval flush %t",
					tt.s.freezes(), tt.s.loopFlushes(), tt.s.endFlushes(), tt.s.intervalFlush())
			}
		})
	}
}
