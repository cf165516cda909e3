package settings

import (
	"strings"
	"testing"
)

// FuzzSettings sets every variable of the agent's to the same text: the resolved settings can be used, and each error names its
// variable and fits a line.
func FuzzSettings(f *testing.F) {
	for _, seed := range []string{"", "true", "FALSE", "2s", "epilogue", "a/b", "-1", "\xff", "\n", "adaptive,30s", strings.Repeat("x", 129), "1e400h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, bad := Resolve(Options{}, func(key string) string {
			if strings.HasPrefix(key, "EPILOGUE_") {
				return text
			}
			return ""
		})
		if !validName(s.ExtensionName) || s.HandlerStartWait < 0 || s.Budget.FlushTimeout <= 0 || s.Budget.Margin < 0 || s.Budget.Shutdown < 0 || !s.Strategy.Valid() {
			t.Errorf("%q gives %+v", text, s)
		}
		for _, err := range bad {
			if said := err.Error(); !strings.HasPrefix(said, "EPILOGUE_") || len(said) > 1200 || strings.ContainsAny(said, "\n\x00") {
				t.Errorf("%q: error %q", text, said)
			}
		}
	})
}

func FuzzDurationSetting(f *testing.F) {
	for _, seed := range []string{"", "2s", "1500ms", "-1s", "9223372036854775807ns", "1e9", "∞", "1h1m1s1ms", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []duration{flushTimeout, deadlineMargin, handlerStartWait, shutdownBudget, preTimeoutFlush} {
			value, err := d.pick(nil, func(string) string { return text })
			if err != nil && value != d.fallback {
				t.Errorf("%s=%q is refused and %v used, not the default", d.env, text, value)
			}
			if value != d.fallback && (value < d.least || value > d.most) {
				t.Errorf("%s=%q gives %v", d.env, text, value)
			}
		}
	})
}
