package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/agent/internal/budget"
	"github.com/epilogue-go/epilogue/agent/internal/strategy"
)

// fields has settings compared field by field.
var fields = cmp.AllowUnexported(settings{}, budget.Budget{}, strategy.Strategy{})

func resolveFor(env map[string]string, opts ...Option) (settings, []error) {
	var o options
	for _, option := range opts {
		option.apply(&o)
	}
	return o.resolve(func(key string) string { return env[key] })
}

func TestSettingsDefaults(t *testing.T) {
	got, bad := resolveFor(nil)
	want := settings{
		extensionName:    "epilogue",
		budget:           budget.Budget{FlushTimeout: 2 * time.Second, Margin: 50 * time.Millisecond, PreTimeoutFlush: 200 * time.Millisecond},
		handlerStartWait: 250 * time.Millisecond,
	}
	if len(bad) > 0 {
		t.Errorf("complaints: %v", bad)
	}
	if diff := cmp.Diff(want, got, fields); diff != "" {
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
	fromEnv := settings{
		extensionName: "from-env",
		budget: budget.Budget{
			FlushTimeout: 1500 * time.Millisecond, Margin: 20 * time.Millisecond, Shutdown: 400 * time.Millisecond,
			PreTimeoutFlush: time.Second,
		},
		strategy:         Adaptive(30 * time.Second).value,
		shutdownOnly:     true,
		endBeforeTimeout: true,
	}
	got, bad := resolveFor(env)
	if diff := cmp.Diff(fromEnv, got, fields); diff != "" || len(bad) > 0 {
		t.Errorf("environment: complaints %v, settings (-want +got):\n%s", bad, diff)
	}

	env["EPILOGUE_SHUTDOWN_ONLY"], env["EPILOGUE_END_BEFORE_TIMEOUT"] = "false", "0"
	got, bad = resolveFor(env, WithExtensionName("ours"), WithFlushTimeout(time.Second), WithDeadlineMargin(time.Millisecond),
		WithHandlerStartWait(time.Minute), WithHandlerStartWait(time.Second), WithShutdownBudget(time.Second), WithShutdownOnly(),
		WithPreTimeoutFlush(0), WithEndBeforeTimeout(), WithFlushStrategy(Periodic(0)))
	fromOptions := settings{
		extensionName:    "ours",
		budget:           budget.Budget{FlushTimeout: time.Second, Margin: time.Millisecond, Shutdown: time.Second},
		strategy:         Periodic(10 * time.Second).value,
		handlerStartWait: time.Second,
		shutdownOnly:     true,
		endBeforeTimeout: true,
	}
	if diff := cmp.Diff(fromOptions, got, fields); diff != "" || len(bad) > 0 {
		t.Errorf("options: complaints %v, settings (-want +got):\n%s", bad, diff)
	}
}

func TestSettingsBadValueIsNamedAndTheDefaultUsed(t *testing.T) {
	long := strings.Repeat("x", 129)
	for _, tt := range []struct {
		env    [2]string
		option Option
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
		{option: WithExtensionName(""), want: `WithExtensionName="": not accepted; write 1 to 128 letters, digits, dots, underscores and hyphens; using epilogue`},
		{option: WithExtensionName(long), want: fmt.Sprintf(`WithExtensionName=%q: not accepted; write 1 to 128 letters, digits, dots, underscores and hyphens; using epilogue`, long)},
		{option: WithExtensionName("é"), want: `WithExtensionName="é": not accepted; write 1 to 128 letters, digits, dots, underscores and hyphens; using epilogue`},
		{option: WithFlushTimeout(-time.Second), want: `WithFlushTimeout="-1s": not accepted; write a duration such as 250ms, from 1ms to 15m0s; using 2s`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "often"}, want: `EPILOGUE_FLUSH_STRATEGY="often": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "end,10s"}, want: `EPILOGUE_FLUSH_STRATEGY="end,10s": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "adaptive,"}, want: `EPILOGUE_FLUSH_STRATEGY="adaptive,": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "adaptive,30"}, want: `EPILOGUE_FLUSH_STRATEGY="adaptive,30": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "periodic,999ms"}, want: `EPILOGUE_FLUSH_STRATEGY="periodic,999ms": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "adaptive,301s"}, want: `EPILOGUE_FLUSH_STRATEGY="adaptive,301s": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", "adaptive,1s,2s"}, want: `EPILOGUE_FLUSH_STRATEGY="adaptive,1s,2s": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{env: [2]string{"EPILOGUE_FLUSH_STRATEGY", ","}, want: `EPILOGUE_FLUSH_STRATEGY=",": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{option: WithFlushStrategy(Periodic(time.Millisecond)), want: `WithFlushStrategy="periodic,1ms": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{option: WithFlushStrategy(Adaptive(-time.Second)), want: `WithFlushStrategy="adaptive,-1s": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
		{option: WithFlushStrategy(Adaptive(time.Hour)), want: `WithFlushStrategy="adaptive,1h0m0s": not accepted; write end, periodic or adaptive, the latter two optionally with a period from 1s to 5m, such as adaptive,30s; using end`},
	} {
		t.Run(tt.want, func(t *testing.T) {
			opts := []Option{}
			if tt.option != nil {
				opts = append(opts, tt.option)
			}
			got, bad := resolveFor(map[string]string{tt.env[0]: tt.env[1]}, opts...)
			if len(bad) != 1 || bad[0].Error() != tt.want {
				t.Errorf("complaints %v", bad)
			}
			standard, _ := resolveFor(nil)
			if diff := cmp.Diff(standard, got, fields); diff != "" {
				t.Errorf("not the defaults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLongestExtensionNameIsAccepted(t *testing.T) {
	name := strings.Repeat("aZ0._-", 21) + "ab" // 128
	if s, bad := resolveFor(nil, WithExtensionName(name)); s.extensionName != name || len(bad) > 0 {
		t.Errorf("%v", bad)
	}
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
