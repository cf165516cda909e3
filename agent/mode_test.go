package agent

import "testing"

// TestModes is the table of docs/design.md, "Who flushes when".
func TestModes(t *testing.T) {
	for _, tt := range []struct {
		s                                            mode
		name                                         string
		registered, freezes, loopFlushes, endFlushes bool
	}{
		{extension, "extension", true, true, true, false},
		{shutdownOnly, "shutdown-only", true, true, false, true},
		{managedInstances, "managed-instances", true, false, false, false},
		{unregistered, "unregistered", false, true, false, true},
		{unregisteredManaged, "managed-instances-unregistered", false, false, false, false},
		{extensionFailed, "extension-failed", true, true, false, true},
		{notLambda, "not-lambda", false, false, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.String(); got != tt.name {
				t.Errorf("name %q", got)
			}
			if tt.s.registered() != tt.registered || tt.s.freezes() != tt.freezes || tt.s.loopFlushes() != tt.loopFlushes ||
				tt.s.endFlushes() != tt.endFlushes {
				t.Errorf("registered %t, freezes %t, loop flushes %t, end flushes %t",
					tt.s.registered(), tt.s.freezes(), tt.s.loopFlushes(), tt.s.endFlushes())
			}
		})
	}
}
