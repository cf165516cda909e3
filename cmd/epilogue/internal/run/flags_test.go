package run

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseRun(t *testing.T) {
	t.Setenv("EPILOGUE_TEST_VARIABLE", "a=b")
	defaults := settings{count: 1, timeout: 3 * time.Second, memory: 128, window: 500 * time.Millisecond, otlp: true, command: []string{"./bootstrap"}}
	for _, c := range []struct {
		args string
		want func(*settings)
	}{
		{"-- ./bootstrap", func(*settings) {}},
		{"./bootstrap", func(*settings) {}},
		{"-- ./bootstrap -n 3", func(s *settings) { s.command = []string{"./bootstrap", "-n", "3"} }},
		{
			"-event a.json -event - -n 3 -timeout 1500ms -memory 512 -name fn -freeze 1s -window 300ms -seed 7 -trace -cut -v -- ./bootstrap",
			func(s *settings) {
				s.events, s.count, s.timeout, s.memory, s.name = []string{"a.json", "-"}, 3, 1500*time.Millisecond, 512, "fn"
				s.freeze, s.window, s.seed, s.trace, s.cut, s.verbose = time.Second, 300*time.Millisecond, 7, true, true, true
			},
		},
		{"-env A=1 -env B= -- ./bootstrap", func(s *settings) { s.env = []string{"A=1", "B="} }},
		{"-env EPILOGUE_TEST_VARIABLE ./bootstrap", func(s *settings) { s.env = []string{"EPILOGUE_TEST_VARIABLE=a=b"} }},
		{"-otlp=false -- ./bootstrap", func(s *settings) { s.otlp = false }},
		{"-concurrency 8 -- ./bootstrap", func(s *settings) { s.concurrency = 8 }},
	} {
		got, err := parseRun(strings.Fields(c.args), io.Discard)
		want := defaults
		c.want(&want)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(settings{})); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.args, diff)
		}
	}
}

func TestReceiverIsOffIfTheFunctionSendsElsewhere(t *testing.T) {
	for variable, otlp := range map[string]bool{
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:1": false, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://h:1": false,
		"OTEL_TRACES_EXPORTER=console": false, "OTEL_TRACES_EXPORTER=otlp": true, "OTEL_EXPORTER_OTLP_ENDPOINT=": true,
	} {
		set, err := parseRun([]string{"-env", variable, "./bootstrap"}, io.Discard)
		if err != nil || set.otlp != otlp {
			t.Errorf("%s: receiver %t, %v; want %t", variable, set.otlp, err, otlp)
		}
	}
}
