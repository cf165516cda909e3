package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
)

// binaries builds the command and the examples once, and returns the directory that holds them.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "epilogue-test-")
	if err != nil {
		return "", err
	}
	builtDir = dir
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", dir+"/",
		".", "./testdata/misbehaves", "../../examples/orders", "../../examples/prices")
	if out, err := build.CombinedOutput(); err != nil {
		return dir, errors.New(string(out))
	}
	return dir, nil
})

// builtDir is the directory that binaries has made, for TestMain to remove; empty if no test has asked for it.
var builtDir string

func built(t *testing.T) string {
	t.Helper()
	dir, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

const eventsDir = "../../examples/orders/events/"

// contains checks that text holds each of the patterns, in their order.
func contains(t *testing.T, text string, patterns ...string) {
	t.Helper()
	rest := text
	for _, p := range patterns {
		at := regexp.MustCompile("(?m)" + p).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("no %q, or not in its place:\n%s", p, text)
		}
		rest = rest[at[1]:]
	}
}

// TestDemo: the demo shows each way an invocation can end, ends with 0, and everything that it prints fits.
func TestDemo(t *testing.T) {
	t.Parallel()
	code, out, errs := invoke(t, "", "demo", "-bin", built(t))
	if code != exitOK || errs != "" {
		t.Fatalf("status %d, errors:\n%s\noutput:\n%s", code, errs, out)
	}
	contains(
		t, out,
		`^epilogue: orders in a local Lambda, timeout 2s, .*OTLP receiver 127\.0\.0\.1:\d+$`,
		`^   init     took .* ms; extension "epilogue" registered for INVOKE$`,
		`^ 1 cold     POST /orders      201 .* ms .*–.* ms     5 .* ms .* ms `,
		`^ 2 warm     GET /orders/17    200 `, `^ 3 warm     POST /orders      201 `,
		`^   frozen   for 2.00 s; meanwhile the receiver cut all its connections: \d`,
		`^ 4 thawed   POST /orders      201 .*–.* ms     4 `,
		`^ 5 panic    POST /faults/…  error `, `^   exit 1 `, `^   init `,
		`^ 6 timeout  POST /faults/…  error        – `,
		`^   SIGTERM  after the timeout: 3 spans left, delivered in .* ms; exit 0 after .* ms of 500 ms$`, `^   init `,
		`^ 7 cold     POST /orders      201 .* –  `, `^ +the receiver refused \d+ requests?; the telemetry stays`,
		`^   SIGTERM  5 spans left, delivered in .* ms; exit 0 after .* ms of 500 ms$`,
		`^trace [0-9a-f]{32}  invocation 1, cold `, `^  POST /orders orders `, `├─ init `, `├─ HTTP GET `, `│  └─ GET /prices/{sku} prices `,
		`^trace .*  invocation 5, panic `, `✗ faults: the box fell off the table$`,
		`^trace .*  invocation 6, timeout `, `timed out$`,
		`^prices +5 +5 +0 +0   its own count`, `^all +32 +32 +– +0$`, `^Nothing lost\.`,
		`^data points +\d+ received in \d requests; at SIGTERM: \d+ ended, \d+ exported, \d+ superseded$`,
		`^log records +\d received in \d requests; at SIGTERM: \d ended, \d exported$`,
		`^standard output   \d+ EMF lines with \d+ metrics; 6 log lines in JSON, 4 with a trace id$`,
		`^  {"_aws":{"Timestamp":`, `^  {"timestamp":".*"message":"order taken"`,
	)
}

// TestDemoLoses: if the receiver refuses everything, the demo says that all was lost, and fails.
func TestDemoLoses(t *testing.T) {
	t.Parallel()
	code, out, errs := invoke(t, "", "demo", "-refuse", "-bin", built(t))
	if code != exitFailed {
		t.Errorf("status %d, want %d", code, exitFailed)
	}
	contains(t, out, `^ 7 cold `, `^   SIGTERM  `, `^all +32 +0 +– +32$`, `^32 spans lost\.`)
	contains(t, errs, `^the last lines of orders:$`, `503 Service Unavailable`, `^epilogue: 32 spans did not arrive; \d+ data points not delivered; 1 log record not delivered$`)
}

// TestDemoFails: what the demo needs and does not find is named.
func TestDemoFails(t *testing.T) {
	empty := t.TempDir()
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "prices"), []byte("#!/bin/sh\necho no luck\nexit 3\n"), 0o700); err != nil { //nolint:gosec // the script is executed
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dir, path, bin, want string }{
		{"outside of the repository", empty, "", "", "demo builds the examples of epilogue's repository, and .* is not inside it"},
		{"no go command", ".", empty, "", "the go command, which is not in PATH"},
		{"no binaries", ".", "", empty, "start the prices service: .*/prices: no such file or directory"},
		{"prices ends at once", ".", "", broken, `the last lines of prices:\n  no luck\nepilogue: the prices service ended at once: exit status 3`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(c.dir)
			if c.path != "" {
				t.Setenv("PATH", c.path)
			}
			args := []string{"demo"}
			if c.bin != "" {
				args = append(args, "-bin", c.bin)
			}
			code, out, errs := invoke(t, "", args...)
			if code != exitFailed || out != "" {
				t.Errorf("status %d, want %d; output:\n%s", code, exitFailed, out)
			}
			contains(t, errs, c.want)
		})
	}
}

// TestRun: a function of one's own, frozen between invocations, with its connections cut and its traces shown.
func TestRun(t *testing.T) {
	t.Parallel()
	code, out, errs := invoke(t, "", "run", "-event", eventsDir+"create.json", "-event", eventsDir+"get.json", "-n", "2",
		"-freeze", "10ms", "-cut", "-trace", "-memory", "256", "-name", "shop", "-v", "--", filepath.Join(built(t), "orders"))
	if code != exitOK || errs != "" {
		t.Fatalf("status %d, errors:\n%s\noutput:\n%s", code, errs, out)
	}
	contains(
		t, out, `^epilogue: shop in a local Lambda, timeout 3s, window 500ms, OTLP receiver`,
		`^ 1 cold     POST /orders      201 `, `^   frozen   for 10\.0 ms; meanwhile the receiver cut all its connections: 3$`,
		`^ 2 warm     POST /orders      201 `, `^ 3 warm     GET /orders/17    200 `, `^ 4 warm `,
		`^shop \| .*SIGTERM received`, `^   SIGTERM  nothing was left; exit 0`,
		`^trace .*  invocation 1, cold `, `^shop +11 +11 +0 +0   its own count`, `^Nothing lost`,
	)
}

// TestRunXRay: a function with nothing set sends by UDP, as it does in Lambda, and its spans are seen.
func TestRunXRay(t *testing.T) {
	t.Parallel()
	code, out, errs := invoke(t, "", "run", "-xray", "-event", eventsDir+"get.json", "-n", "3", "-trace", "--", filepath.Join(built(t), "orders"))
	if code != exitOK || errs != "" {
		t.Fatalf("status %d, errors:\n%s\noutput:\n%s", code, errs, out)
	}
	contains(
		t, out, `^epilogue: orders in a local Lambda, timeout 3s, window 500ms, X-Ray daemon 127\.0\.0\.1:\d+$`,
		`^ 1 cold     GET /orders/17    200 `, `^trace .*  invocation 3, warm `, `^orders +7 +7 +0 +0   its own count`, `^Nothing lost`,
	)
}

// TestRunManaged: on Managed Instances invocations overlap, and the telemetry goes by timer and at the end.
func TestRunManaged(t *testing.T) {
	t.Parallel()
	code, out, errs := invoke(t, "", "run", "-event", eventsDir+"get.json", "-n", "20", "-concurrency", "5", "--", filepath.Join(built(t), "orders"))
	if code != exitOK || errs != "" {
		t.Fatalf("status %d, errors:\n%s\noutput:\n%s", code, errs, out)
	}
	contains(t, out, `^20 warm .* by timer `, `^   SIGTERM  .*; exit 0`, `^orders +41 +41 +0 +0`)
}

// TestRunFails: a function that fails makes the command fail, with a sentence that says what happened.
func TestRunFails(t *testing.T) {
	t.Parallel()
	orders := filepath.Join(built(t), "orders")
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho out of tea >&2\nexit 4\n"), 0o700); err != nil { //nolint:gosec // the script is executed
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program"), 0o700); err != nil { //nolint:gosec // the command tries it
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		out  string
		errs []string
	}{
		{
			"a payload that does not decode",
			[]string{"-event", "-", "--", orders},
			`^ 1 error    standard input  error `,
			[]string{`^epilogue: invocation 1 failed: UnmarshalTypeError: json: cannot unmarshal array`},
		},
		{
			"a setting that the function refuses",
			[]string{"-env", "PRICES_URL=here", "--", orders},
			`^   init     failed: Runtime\.ExitError$`,
			[]string{`the last lines of orders:`, `PRICES_URL=\\?"here`, `^epilogue: the function failed before it could be invoked: Runtime\.ExitError`},
		},
		{
			"a program that is no function",
			[]string{"--", script},
			`^No span has arrived`,
			[]string{`the last lines of script:\n  out of tea\n`, `^epilogue: the function failed`},
		},
		{"a file that is no program", []string{"--", text}, `^epilogue: text in a local Lambda`, []string{`^epilogue: .*exec format error`}},
		{
			"an endpoint without a listener",
			[]string{"-window", "10s", "-env", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "-env", "EPILOGUE_FLUSH_TIMEOUT=20ms", "--", orders},
			`^ 1 cold     {} .* elsewhere `,
			[]string{`^epilogue: \d spans? did not arrive`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := invoke(t, "[1]", append([]string{"run"}, c.args...)...)
			if code != exitFailed {
				t.Errorf("status %d, want %d", code, exitFailed)
			}
			contains(t, out, c.out)
			contains(t, errs, c.errs...)
		})
	}
}

// TestRunOfAFunctionThatMisbehaves: the report says how an invocation ended and why, and nothing that the function writes
// commands the terminal (invoke checks that) or changes the counts.
func TestRunOfAFunctionThatMisbehaves(t *testing.T) {
	t.Parallel()
	const caller = `{"headers":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}`
	const verbatim = `\\x1b\[31m\\x1b\]0;title\\a\\x1b\]52;c;cm0=\\a\\u202e`
	for _, c := range []struct {
		mode string
		code int
		out  []string
		errs []string
	}{
		{
			"commands", exitFailed,
			[]string{`^misbehaves \| log ` + verbatim + `\\xff$`, `^misbehaves \|  9 warm     forged$`, ` 1 error `, `span\\x1b`, `^misbehaves +3 +3 +0 +0 `},
			[]string{`^epilogue: invocation 1 failed: errorString: error` + verbatim},
		},
		{"init", exitFailed, []string{`init     failed: Runtime.ExitError`, `exit 3 `}, []string{`invoked: Runtime.ExitError: .*exit status 3$`}},
		{"exit", exitFailed, []string{` 1 exit `, `^   exit 7 `}, []string{`^epilogue: invocation 1 failed: Runtime.ExitError: Runtime exited with error: exit status 7$`}},
		{"killed", exitFailed, []string{` 1 exit `, `the signal "killed" ended`}, []string{`with error: signal: killed$`}},
		{"exit after the response", exitFailed, []string{` 1 cold .* ok `, `^   exit 9 `}, []string{`^epilogue: the process .* answered invocation 1: exit code 9$`}},
		{"large", exitFailed, []string{` 1 refused `}, []string{`^epilogue: invocation 1 failed: Function.ResponseSizeTooLarge`}},
		{"url", exitOK, []string{` 1 cold .* 418 `}, nil},
		{"caller", exitOK, []string{`continues the caller's trace`, `^Nothing lost\.`}, nil},
		{
			"signals", exitOK,
			[]string{
				`^Nothing lost`, `^data points +1 received in 1 request`, `^log records +2 received in 1 request`,
				`^standard output +1 EMF line with 1 metric; 1 log line in JSON, 1 with a trace id$`,
			},
			nil,
		},
		{"fifo", exitOK, []string{`no count; by parent spans`, `^No loss is known`}, nil},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			code, out, errs := invoke(t, caller, "run", "-v", "-trace", "-event", "-", "-window", "10s", "-timeout", "20s",
				"-env", "MODE="+c.mode, "--", filepath.Join(built(t), "misbehaves"))
			if code != c.code {
				t.Errorf("status %d, want %d; errors:\n%s", code, c.code, errs)
			}
			contains(t, out, c.out...)
			contains(t, errs, c.errs...)
		})
	}
}

// TestInterrupt: Ctrl-C while the examples are built, and while the function runs, leaves no process and no file.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, until string }{
		{"while it builds", ""},
		{"while it runs", "1 cold"},
		{"while it is frozen", "frozen"},
		{"in the timeout", "exit 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			temporary := t.TempDir()
			cmd := exec.CommandContext(t.Context(), filepath.Join(built(t), "epilogue"), "demo")
			cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if c.until == "" {
				awaitFile(t, temporary)
			} else {
				awaitLine(t, out, c.until)
			}
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, out)
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
				t.Errorf("status %d, want %d; errors:\n%s", code, exitInterrupted, &errs)
			}
			contains(t, errs.String(), `^epilogue: interrupted; everything that was started has ended$`)
			left, err := os.ReadDir(temporary)
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if running := processesOf(t, temporary); len(running) > 0 {
				t.Errorf("still running: %v", running)
			}
		})
	}
}

// awaitLine reads r up to a line with text.
func awaitLine(t *testing.T, r io.Reader, text string) {
	t.Helper()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	t.Fatalf("no line with %q", text)
}

// awaitFile waits for a first file in dir.
func awaitFile(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if files, _ := os.ReadDir(dir); len(files) > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("no file")
		}
	}
}

// processesOf returns the programs below dir that are running, if the system has a /proc to tell.
func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	if runtime.GOOS != "linux" {
		return nil
	}
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	var running []string
	for _, link := range links {
		if path, err := os.Readlink(link); err == nil && strings.HasPrefix(path, dir) {
			running = append(running, path)
		}
	}
	return running
}

// brokenPipe is an output whose reader has gone after a first write.
type brokenPipe struct{ written bool }

func (p *brokenPipe) Write(b []byte) (int, error) {
	if p.written {
		return 0, errors.New("broken pipe")
	}
	p.written = true
	return len(b), nil
}

// TestBrokenPipe: the command ends if the reader of its report has gone.
func TestBrokenPipe(t *testing.T) {
	t.Parallel()
	var errs strings.Builder
	orders := filepath.Join(built(t), "orders")
	began := time.Now()
	code := epilogue([]string{"run", "-n", "1000", "-freeze", "1s", "--", orders},
		cli.Console{In: strings.NewReader(""), Out: &cli.LockedWriter{W: new(brokenPipe)}, Err: &errs})
	if code != exitFailed || errs.String() != "epilogue: write the report: broken pipe\n" {
		t.Errorf("status %d, errors %q", code, errs.String())
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("took %s", took)
	}
}
