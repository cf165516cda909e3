package agent

import (
	"strings"
	"testing"
)

// FuzzSettings sets every variable of the agent's to the same text: what is resolved can be used, and each error names its
// variable and fits a line.
func FuzzSettings(f *testing.F) {
	for _, seed := range []string{"", "true", "FALSE", "2s", "epilogue", "a/b", "-1", "\xff", "\n", "adaptive,30s", strings.Repeat("x", 129), "1e400h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, bad := new(options).resolve(func(key string) string {
			if strings.HasPrefix(key, "EPILOGUE_") {
				return text
			}
			return ""
		})
		if !validName(s.extensionName) || s.handlerStartWait < 0 || s.budget.FlushTimeout <= 0 || s.budget.Margin < 0 || s.budget.Shutdown < 0 || !s.strategy.Valid() {
			t.Errorf("%q gives %+v", text, s)
		}
		for _, err := range bad {
			if said := err.Error(); !strings.HasPrefix(said, "EPILOGUE_") || len(said) > 1200 || strings.ContainsAny(said, "\n\x00") {
				t.Errorf("%q: error %q", text, said)
			}
		}
	})
}
