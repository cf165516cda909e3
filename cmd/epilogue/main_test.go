package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
	"github.com/epilogue-go/epilogue/internal/report"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if builtDir != "" {
			_ = os.RemoveAll(builtDir)
		}
		os.Exit(code)
	}))
}

// invoke runs the command in this process and returns its exit status and its output. The output has to fit on any
// terminal, except for the function's own lines, and it commands no terminal.
func invoke(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = epilogue(args, cli.Console{In: strings.NewReader(stdin), Out: &cli.LockedWriter{W: &o}, Err: &e})
	for line := range strings.Lines(o.String()) {
		if n := len([]rune(line)) - 1; n > 100 && !strings.Contains(line, " | ") && !strings.Contains(line, "\t") {
			t.Errorf("%q: %d columns, at most 100 fit: %q", args, n, line)
		}
	}
	for line := range strings.Lines(strings.ReplaceAll(o.String()+e.String(), "\t", " ")) { // tabs are in the help
		if visible := report.Visible(strings.TrimSuffix(line, "\n")); visible+"\n" != line {
			t.Errorf("%q: a line that commands a terminal: %q", args, line)
		}
	}
	return code, o.String(), e.String()
}

// TestUsage: each invalid command line gets an error that names the setting, the value and
// the remedy, and status 2.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		want string // in the sentence
	}{
		{"", "no command (use demo, run or replay"},
		{"dmeo", `unknown command "dmeo"`},
		{"demo now", `demo takes no arguments, only flags; got "now"`},
		{"demo -freeze 1s", "flag provided but not defined: -freeze"},
		{"run", "no function (add its binary"},
		{"run -\x1b[31m\u202ex", `flag provided but not defined: -\x1b[31m\u202ex`},
		{"run -- ./\xff\a", `epilogue: ./\xff\a: no such file or directory`},
		{"run -n 0 -- x", `invalid value "0" for flag -n: want a whole number from 1 to 1000`},
		{"run -n many -- x", `invalid value "many" for flag -n: want a whole number`},
		{"run -concurrency 1001 -- x", `"1001" for flag -concurrency: want a whole number from 1 to 1000`},
		{"run -memory 64 -- x", `"64" for flag -memory: want a whole number from 128 to 10240`},
		{"run -timeout 16m -- x", `"16m" for flag -timeout: want a duration from 1ms to 15m0s`},
		{"run -timeout 3 -- x", `"3" for flag -timeout: want a duration`},
		{"run -window 0s -- x", `"0s" for flag -window: want a duration from 1ms`},
		{"run -freeze -1s -- x", `"-1s" for flag -freeze: want a duration from 0s`},
		{"run -env NOT_SET_HERE -- x", `"NOT_SET_HERE" for flag -env: no such variable is set here; want KEY=VALUE`},
		{"run -env =x -- x", `"=x" for flag -env: want KEY=VALUE or KEY`},
		{"run -otlp=maybe -- x", `"maybe" for -otlp: want true or false`},
		{"run -seed -1 -- x", `"-1" for flag -seed: want a whole number from 0`},
		{"run -otlp=false -cut -- x", "-cut needs the receiver that -otlp starts"},
		{"run -otlp=false -trace -- x", "-trace needs the receiver that -otlp starts"},
		{"run -otlp -env OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 -- x", "-env names another endpoint"},
		{"run -xray -otlp=false -- x", "-xray starts an X-Ray daemon, but -otlp or -env select another destination"},
		{"run -xray -env OTEL_TRACES_EXPORTER=none -- x", "-xray starts an X-Ray daemon, but -otlp or -env select another destination"},
		{"run -xray -env AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000 -- x", "-env names another"},
		{"run -xray -otlp -- x", "-xray and -otlp name two receivers for the same telemetry; leave one of them out"},
		{"run -xray -cut -- x", "the X-Ray daemon has none"},
		{"run -concurrency 2 -freeze 1s -- x", "Managed Instances, which never freeze"},
		{"run -event /does/not/exist.json -- x", "-event /does/not/exist.json: no such file or directory"},
		{"run -event - -- x", "-event -: not JSON, which Lambda refuses: line 2:"},
		{"run -- /does/not/exist", "epilogue: /does/not/exist: no such file or directory; name the function's executable"},
		{"run -- main_test.go", "epilogue: main_test.go: executable file not found in $PATH; the file is in this directory: write ./main_test.go"},
		{"run -- no-such-program", "epilogue: no-such-program: executable file not found in $PATH; name the function's executable"},
		{"run -- ./internal", "epilogue: ./internal: is a directory; name the function's executable"},
		{"run -- ./main_test.go", "epilogue: ./main_test.go: permission denied; its mode is -rw-r--r--: chmod +x makes it executable"},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, out, errs := invoke(t, "{\n\"a\": x}", strings.Fields(c.args)...)
			if code != exitUsage || out != "" {
				t.Errorf("status %d, output %q; want %d and none", code, out, exitUsage)
			}
			if !strings.HasPrefix(errs, "epilogue: ") || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
				t.Errorf("got %q, want a line with %q", errs, c.want)
			}
		})
	}
}

// TestHelp: help is no error, and speaks of every flag.
func TestHelp(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"help", "epilogue run [flags] -- ./bootstrap"},
		{"--help", "epilogue demo"},
		{"run --help", "-event FILE"},
		{"run -h", "-window DURATION"},
		{"demo --help", "-bin DIR"},
		{"replay --help", "-endpoint URL"},
	} {
		code, out, errs := invoke(t, "", strings.Fields(c.args)...)
		if code != exitOK || errs != "" || !strings.Contains(out, c.want) {
			t.Errorf("%s: status %d, errors %q, output without %q:\n%s", c.args, code, errs, c.want, out)
		}
	}
}
