package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/strategy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func resolveFor(env map[string]string, o Options) (Settings, []error) {
	return Resolve(o, func(key string) string { return env[key] })
}

var defaults = Settings{
	ExtensionName:    "epilogue",
	Budget:           budget.Budget{FlushTimeout: 2 * time.Second, Margin: 50 * time.Millisecond, PreTimeoutFlush: 200 * time.Millisecond},
	HandlerStartWait: 250 * time.Millisecond,
}

func TestOptionBeatsEnvironmentBeatsDefault(t *testing.T) {
	if got, bad := resolveFor(nil, nil); !cmp.Equal(defaults, got) || len(bad) > 0 {
		t.Errorf("complaints %v, settings (-want +got):\n%s", bad, cmp.Diff(defaults, got))
	}
	env := map[string]string{
		"EPILOGUE_EXTENSION_NAME":     "from-env",
		"EPILOGUE_FLUSH_TIMEOUT":      "1500ms",
		"EPILOGUE_DEADLINE_MARGIN":    "20ms",
		"EPILOGUE_HANDLER_START_WAIT": "0s",
		"EPILOGUE_SHUTDOWN_BUDGET":    "400ms",
		"EPILOGUE_SHUTDOWN_ONLY":      "1",
		"EPILOGUE_FLUSH_STRATEGY":     "Adaptive, 30s",
		"EPILOGUE_PRE_TIMEOUT_FLUSH":  "1s",
		"EPILOGUE_END_BEFORE_TIMEOUT": "true",
	}
	fromEnv := Settings{
		ExtensionName: "from-env",
		Budget: budget.Budget{
			FlushTimeout: 1500 * time.Millisecond, Margin: 20 * time.Millisecond, Shutdown: 400 * time.Millisecond,
			PreTimeoutFlush: time.Second,
		},
		Strategy:         strategy.Strategy{Kind: strategy.Adaptive, Period: 30 * time.Second},
		ShutdownOnly:     true,
		EndBeforeTimeout: true,
	}
	if got, bad := resolveFor(env, nil); !cmp.Equal(fromEnv, got) || len(bad) > 0 {
		t.Errorf("environment: complaints %v, settings (-want +got):\n%s", bad, cmp.Diff(fromEnv, got))
	}
	options := Options{}
	for _, one := range all {
		options[one.option] = one.fallback
	}
	options["WithShutdownBudget"] = "1s"
	fromOptions := defaults
	fromOptions.Budget.Shutdown = time.Second
	if got, bad := resolveFor(env, options); !cmp.Equal(fromOptions, got) || len(bad) > 0 {
		t.Errorf("options: complaints %v, settings (-want +got):\n%s", bad, cmp.Diff(fromOptions, got))
	}
}

func TestBadValueIsNamedAndTheDefaultUsed(t *testing.T) {
	const (
		name       = "1 to 128 letters, digits, dots, underscores and hyphens; using epilogue"
		strategies = "end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end"
		timeout    = "a duration such as 250ms, from 1ms to 15m0s; using 2s"
	)
	for _, tt := range []struct{ setting, value, want string }{
		{"EPILOGUE_FLUSH_TIMEOUT", "2", timeout},
		{"EPILOGUE_FLUSH_TIMEOUT", "0s", timeout},
		{"WithFlushTimeout", "-1s", timeout},
		{"WithFlushTimeout", "15m1ns", timeout},
		{"EPILOGUE_DEADLINE_MARGIN", "-1ms", "a duration such as 250ms, from 0s to 10s; using 50ms"},
		{"EPILOGUE_HANDLER_START_WAIT", "11s", "a duration such as 250ms, from 0s to 10s; using 250ms"},
		{"EPILOGUE_SHUTDOWN_BUDGET", "soon", "a duration such as 250ms, from 50ms to 10s; using the platform's window"},
		{"WithShutdownBudget", "0s", "a duration such as 250ms, from 50ms to 10s; using the platform's window"},
		{"EPILOGUE_SHUTDOWN_ONLY", "yes", "true or false; using false"},
		{"EPILOGUE_END_BEFORE_TIMEOUT", "yes", "true or false; using false"},
		{"EPILOGUE_PRE_TIMEOUT_FLUSH", "61s", "a duration such as 250ms, from 0s to 1m0s; using 200ms"},
		{"EPILOGUE_EXTENSION_NAME", "my extension", name},
		{"WithExtensionName", "", name},
		{"WithExtensionName", strings.Repeat("x", 129), name},
		{"WithExtensionName", "é", name},
		{"EPILOGUE_FLUSH_STRATEGY", "often", strategies},
		{"EPILOGUE_FLUSH_STRATEGY", "end,10s", strategies},
		{"EPILOGUE_FLUSH_STRATEGY", "adaptive,", strategies},
		{"EPILOGUE_FLUSH_STRATEGY", "adaptive,30", strategies},
		{"EPILOGUE_FLUSH_STRATEGY", "periodic,999ms", strategies},
		{"EPILOGUE_FLUSH_STRATEGY", "adaptive,301s", strategies},
		{"EPILOGUE_FLUSH_STRATEGY", "adaptive,1s,2s", strategies},
		{"EPILOGUE_FLUSH_STRATEGY", ",", strategies},
		{"WithFlushStrategy", "periodic,-1s", strategies},
	} {
		given := map[string]string{tt.setting: tt.value}
		got, bad := resolveFor(given, given)
		want := tt.setting + `="` + tt.value + `": not accepted; write ` + tt.want
		if len(bad) != 1 || bad[0].Error() != want || got != defaults {
			t.Errorf("%s=%q gives %+v and %v, want the defaults and %s", tt.setting, tt.value, got, bad, want)
		}
	}
}

func TestLimitsAreAccepted(t *testing.T) {
	for _, tt := range []struct{ option, value string }{
		{"WithExtensionName", strings.Repeat("aZ0._-", 21) + "ab"}, // 128
		{"WithFlushTimeout", "1ms"},
		{"WithFlushTimeout", "15m"},
		{"WithShutdownBudget", "50ms"},
		{"WithShutdownBudget", "10s"},
		{"WithFlushStrategy", "periodic,1s"},
		{"WithFlushStrategy", "adaptive,5m"},
	} {
		if s, bad := resolveFor(nil, Options{tt.option: tt.value}); s == defaults || len(bad) > 0 {
			t.Errorf("%s=%q: %v", tt.option, tt.value, bad)
		}
	}
}

// FuzzSettings sets every variable of the agent's to the same text: the resolved settings can be used, and each error names its
// variable and fits a line.
func FuzzSettings(f *testing.F) {
	for _, seed := range []string{
		"", "true", "FALSE", "2s", "epilogue", "a/b", "-1", "\xff", "\n", "adaptive,30s", strings.Repeat("x", 300), "1e400h",
		"9223372036854775807ns", "∞", "1h1m1s1ms", "periodic,", ",,",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, bad := Resolve(nil, func(string) string { return text })
		if !validName(s.ExtensionName) || s.HandlerStartWait < 0 || s.Budget.FlushTimeout <= 0 || s.Budget.Margin < 0 || s.Budget.Shutdown < 0 ||
			s.Strategy.Period < 0 {
			t.Errorf("%q gives %+v", text, s)
		}
		for _, err := range bad {
			if said := err.Error(); !strings.HasPrefix(said, "EPILOGUE_") || len(said) > 1200 || strings.ContainsAny(said, "\n\x00") {
				t.Errorf("%q: error %q", text, said)
			}
		}
	})
}
