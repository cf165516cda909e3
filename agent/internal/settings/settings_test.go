package settings

import (
	"fmt"
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

func TestSettingsDefaults(t *testing.T) {
	got, bad := resolveFor(nil, Options{})
	want := Settings{
		ExtensionName:    "epilogue",
		Budget:           budget.Budget{FlushTimeout: 2 * time.Second, Margin: 50 * time.Millisecond, PreTimeoutFlush: 200 * time.Millisecond},
		HandlerStartWait: 250 * time.Millisecond,
	}
	if len(bad) > 0 {
		t.Errorf("complaints: %v", bad)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestSettingsOptionBeatsEnvironmentBeatsDefault(t *testing.T) {
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
		Strategy:         strategy.New(strategy.Adaptive, 30*time.Second),
		ShutdownOnly:     true,
		EndBeforeTimeout: true,
	}
	got, bad := resolveFor(env, Options{})
	if diff := cmp.Diff(fromEnv, got); diff != "" || len(bad) > 0 {
		t.Errorf("environment: complaints %v, settings (-want +got):\n%s", bad, diff)
	}

	env["EPILOGUE_SHUTDOWN_ONLY"], env["EPILOGUE_END_BEFORE_TIMEOUT"] = "false", "0"
	got, bad = resolveFor(env, Options{
		ExtensionName:    new("ours"),
		Strategy:         new(strategy.New(strategy.Periodic, 0)),
		FlushTimeout:     new(time.Second),
		DeadlineMargin:   new(time.Millisecond),
		HandlerStartWait: new(time.Second),
		ShutdownBudget:   new(time.Second),
		PreTimeoutFlush:  new(time.Duration(0)),
		ShutdownOnly:     new(true),
		EndBeforeTimeout: new(true),
	})
	fromOptions := Settings{
		ExtensionName:    "ours",
		Budget:           budget.Budget{FlushTimeout: time.Second, Margin: time.Millisecond, Shutdown: time.Second},
		Strategy:         strategy.New(strategy.Periodic, 10*time.Second),
		HandlerStartWait: time.Second,
		ShutdownOnly:     true,
		EndBeforeTimeout: true,
	}
	if diff := cmp.Diff(fromOptions, got); diff != "" || len(bad) > 0 {
		t.Errorf("options: complaints %v, settings (-want +got):\n%s", bad, diff)
	}
}

func TestSettingsBadValueIsNamedAndTheDefaultUsed(t *testing.T) {
	long := strings.Repeat("x", 129)
	for _, tt := range []struct {
		env    [2]string
		option Options
		want   string
	}{
		{env: [2]string{"EPILOGUE_FLUSH_TIMEOUT", "2"}, want: `EPILOGUE_FLUSH_TIMEOUT="2": not accepted; write a duration such as 250ms, from 1ms to 15m0s; using 2s`},
		{env: [2]string{"EPILOGUE_FLUSH_TIMEOUT", "0s"}, want: `EPILOGUE_FLUSH_TIMEOUT="0s": not accepted; write a duration such as 250ms, from 1ms to 15m0s; using 2s`},
		{env: [2]string{"EPILOGUE_DEADLINE_MARGIN", "-1ms"}, want: `EPILOGUE_DEADLINE_MARGIN="-1ms": not accepted; write a duration such as 250ms, from 0s to 10s; using 50ms`},
		{env: [2]string{"EPILOGUE_HANDLER_START_WAIT", "11s"}, want: `EPILOGUE_HANDLER_START_WAIT="11s": not accepted; write a duration such as 250ms, from 0s to 10s; using 250ms`},
		{env: [2]string{"EPILOGUE_SHUTDOWN_BUDGET", "soon"}, want: `EPILOGUE_SHUTDOWN_BUDGET="soon": not accepted; write a duration such as 250ms, from 50ms to 10s; using the platform's window`},
		{env: [2]string{"EPILOGUE_SHUTDOWN_ONLY", "yes"}, want: `EPILOGUE_SHUTDOWN_ONLY="yes": not accepted; write true or false; using false`},
		{env: [2]string{"EPILOGUE_END_BEFORE_TIMEOUT", "yes"}, want: `EPILOGUE_END_BEFORE_TIMEOUT="yes": not accepted; write true or false; using false`},
		{env: [2]string{"EPILOGUE_PRE_TIMEOUT_FLUSH", "61s"}, want: `EPILOGUE_PRE_TIMEOUT_FLUSH="61s": not accepted; write a duration such as 250ms, from 0s to 1m0s; using 200ms`},
		{env: [2]string{"EPILOGUE_EXTENSION_NAME", "my extension"}, want: `EPILOGUE_EXTENSION_NAME="my extension": not accepted; write 1 to 128 letters, digits, dots, underscores and hyphens; using epilogue`},
		{option: Options{ExtensionName: new("")}, want: `WithExtensionName="": not accepted; write 1 to 128 letters, digits, dots, underscores and hyphens; using epilogue`},
		{option: Options{ExtensionName: new(long)}, want: fmt.Sprintf(`WithExtensionName=%q: not accepted; write 1 to 128 letters, digits, dots, underscores and hyphens; using epilogue`, long)},
		{option: Options{ExtensionName: new("é")}, want: `WithExtensionName="é": not accepted; write 1 to 128 letters, digits, dots, underscores and hyphens; using epilogue`},
		{option: Options{FlushTimeout: new(-time.Second)}, want: `WithFlushTimeout="-1s": not accepted; write a duration such as 250ms, from 1ms to 15m0s; using 2s`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "often"}, want: `EPILOGUE_FLUSH_STRATEGY="often": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "end,10s"}, want: `EPILOGUE_FLUSH_STRATEGY="end,10s": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "adaptive,"}, want: `EPILOGUE_FLUSH_STRATEGY="adaptive,": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "adaptive,30"}, want: `EPILOGUE_FLUSH_STRATEGY="adaptive,30": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "periodic,999ms"}, want: `EPILOGUE_FLUSH_STRATEGY="periodic,999ms": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "adaptive,301s"}, want: `EPILOGUE_FLUSH_STRATEGY="adaptive,301s": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "adaptive,1s,2s"}, want: `EPILOGUE_FLUSH_STRATEGY="adaptive,1s,2s": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", ","}, want: `EPILOGUE_FLUSH_STRATEGY=",": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{option: Options{Strategy: new(strategy.New(strategy.Periodic, time.Millisecond))}, want: `WithFlushStrategy="periodic,1ms": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{option: Options{Strategy: new(strategy.New(strategy.Adaptive, -time.Second))}, want: `WithFlushStrategy="adaptive,-1s": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{option: Options{Strategy: new(strategy.New(strategy.Adaptive, time.Hour))}, want: `WithFlushStrategy="adaptive,1h0m0s": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
	} {
		t.Run(tt.want, func(t *testing.T) {
			got, bad := resolveFor(map[string]string{tt.env[0]: tt.env[1]}, tt.option)
			if len(bad) != 1 || bad[0].Error() != tt.want {
				t.Errorf("complaints %v", bad)
			}
			standard, _ := resolveFor(nil, Options{})
			if diff := cmp.Diff(standard, got); diff != "" {
				t.Errorf("not the defaults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLongestExtensionNameIsAccepted(t *testing.T) {
	name := strings.Repeat("aZ0._-", 21) + "ab" // 128
	if s, bad := resolveFor(nil, Options{ExtensionName: &name}); s.ExtensionName != name || len(bad) > 0 {
		t.Errorf("%v", bad)
	}
}
