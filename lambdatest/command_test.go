//go:build unix

package lambdatest_test

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// functions are the functions of children besides the scenarios.
var functions = map[string]func(machine){
	"pid":     func(m machine) { m.serve(func() (string, error) { return strconv.Itoa(os.Getpid()), nil }) },
	"environ": func(m machine) { m.serve(func() ([]string, error) { return os.Environ(), nil }) },
	"prints": func(m machine) {
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
		m.serve(ok)
	},
	"sleeps": func(m machine) {
		m.serve(func(seconds int) { time.Sleep(time.Duration(seconds) * time.Second) })
	},
	"sigterm": func(m machine) {
		m.extend("flusher", `["INVOKE"]`)
		lambda.StartWithOptions(ok, lambda.WithEnableSIGTERM(func() { fmt.Println("called back") }))
	},
	"parent": parent,
}

// child returns the test binary as the function of a scenario.
func child(t *testing.T, name string, cfg *lambdatest.Config) lambdatest.Program {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Env = append(cfg.Env, childScenario+"="+name)
	return lambdatest.Command(binary)
}

// TestFrozenChildIsStopped looks at the process in the freeze: /proc says T.
func TestFrozenChildIsStopped(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc on this system")
	}
	var cfg lambdatest.Config
	p := child(t, "pid", &cfg)
	env := newEnvironment(t, cfg, p)
	resp := invoke(t, env, lambdatest.Invocation{})
	idle(t, env)
	awaitState(t, strings.Trim(string(resp.Payload), `"`), "T")
	if again := invoke(t, env, lambdatest.Invocation{}); string(again.Payload) != string(resp.Payload) || again.Cold {
		t.Errorf("after the thaw: %+v", again)
	}
}

// awaitState waits until /proc gives the process one of the states: "T" is stopped, "" is gone.
func awaitState(t *testing.T, pid string, states ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for state := "?"; !slices.Contains(states, state); {
		if ctx.Err() != nil {
			t.Fatalf("process %s has state %q, want one of %q", pid, state, states)
		}
		state = ""
		if stat, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil {
			state = strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[0]
		}
	}
}

// TestCloseEndsAFrozenChild: SIGKILL needs no thaw, and the process is reaped when Close returns.
func TestCloseEndsAFrozenChild(t *testing.T) {
	var cfg lambdatest.Config
	p := child(t, "pid", &cfg)
	env := newEnvironment(t, cfg, p)
	resp := invoke(t, env, lambdatest.Invocation{})
	idle(t, env)
	if err := env.Close(); err != nil {
		t.Error(err)
	}
	pid, err := strconv.Atoi(strings.Trim(string(resp.Payload), `"`))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("after Close the process gives %v, want ESRCH", err)
	}
}

// TestFrozenChildSeesASignalAtTheThaw sends it SIGTERM in the freeze, and an invocation that is long enough to die in.
func TestFrozenChildSeesASignalAtTheThaw(t *testing.T) {
	cfg := lambdatest.Config{Timeout: 30 * time.Second}
	p := child(t, "sleeps", &cfg)
	env := newEnvironment(t, cfg, p)
	send(t, env, "0")
	if err := env.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	send(t, env, "20")
	if exit := exited(t, env); exit.Detail != "terminated" || exit.Seq < only(t, env, lambdatest.KindThaw).Seq {
		t.Errorf("the process ended like this: %v", exit)
	}
}

// TestEnableSIGTERMOfAwsLambdaGo: its extension runs with another one, its callbacks run, and it does not exit.
func TestEnableSIGTERMOfAwsLambdaGo(t *testing.T) {
	var out bytes.Buffer
	cfg := lambdatest.Config{Stdout: &out, ShutdownWindow: 400 * time.Millisecond}
	p := child(t, "sigterm", &cfg)
	env := newEnvironment(t, cfg, p)
	send(t, env, "{}")
	exit, err := env.Shutdown(t.Context())
	if err != nil || !exit.Killed || exit.Took < cfg.ShutdownWindow {
		t.Errorf("the process ended like this: %+v, %v; want SIGKILL after the window", exit, err)
	}
	var names []string
	for _, e := range events(env, lambdatest.KindExtensionRegistered) {
		names = append(names, e.Who+" "+e.Detail)
	}
	if want := []string{"flusher INVOKE", "GoLangEnableSIGTERM "}; !slices.Equal(names, want) {
		t.Errorf("registered %q, want %q", names, want)
	}
	if out.String() != "called back\n" {
		t.Errorf("stdout %q", out.String())
	}
}

// parent is no function: it runs one, says its process id when it is frozen, and never closes its environment.
func parent(machine) {
	env, err := lambdatest.New(lambdatest.Config{Env: []string{childScenario + "=pid"}}, lambdatest.Command(os.Args[0]))
	if err != nil {
		panic(err)
	}
	resp, err := env.Invoke(context.Background(), lambdatest.Invocation{})
	if err != nil {
		panic(err)
	}
	if err := env.WaitIdle(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(strings.Trim(string(resp.Payload), `"`))
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test kills this process
}

// TestFrozenChildDiesWithItsParent kills a process that runs an environment, which has no time to clean up.
func TestFrozenChildDiesWithItsParent(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc on this system")
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(os.Environ(), childScenario+"=parent")
	stdin, err := cmd.StdinPipe() // held open
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // its error is the signal
	if err != nil {
		t.Fatalf("the parent said %q, %v", line, err)
	}
	awaitState(t, strings.TrimSpace(line), "", "Z", "X") // a zombie is dead; who adopted it may take its time
}

func TestChildsEnvironmentIsClean(t *testing.T) {
	t.Setenv("LEAKED", "1")
	cfg := lambdatest.Config{Env: []string{"WANTED=1"}}
	p := child(t, "environ", &cfg)
	resp := invoke(t, newEnvironment(t, cfg, p), lambdatest.Invocation{})
	if got := string(resp.Payload); strings.Contains(got, "LEAKED") || !strings.Contains(got, "WANTED=1") {
		t.Errorf("environment %s", got)
	}
}

func TestChildsOutputIsPassedOn(t *testing.T) {
	var out, errs bytes.Buffer
	cfg := lambdatest.Config{Stdout: &out, Stderr: &errs}
	p := child(t, "prints", &cfg)
	env := newEnvironment(t, cfg, p)
	send(t, env, "{}")
	shutdown(t, env)
	if out.String() != "to stdout\n" || errs.String() != "to stderr\n" {
		t.Errorf("stdout %q, stderr %q", out.String(), errs.String())
	}
}

func TestCommandThatTheSystemDoesNotRunIsCalledWhatItIs(t *testing.T) {
	// An ELF header: magic, 64 bits, byte order, version; type and machine at 16 and 18.
	header := func(order, low, high byte) string {
		return "\x7fELF\x02" + string(order) + "\x01" + strings.Repeat("\x00", 9) + "\x02\x00" + string([]byte{low, high})
	}
	for name, tc := range map[string]struct{ content, want string }{
		"amd64":         {header(1, 62, 0), "linux/amd64"},
		"arm64":         {header(1, 183, 0), "linux/arm64"},
		"riscv64":       {header(1, 243, 0), "linux/riscv64"},
		"s390x":         {header(2, 0, 22), "linux/s390x"},
		"another":       {header(1, 4, 0), "linux/EM_68K"},
		"macOS":         {"\xcf\xfa\xed\xfe" + strings.Repeat("0", 16), "built for darwin"},
		"Windows":       {"MZ" + strings.Repeat("0", 18), "built for windows"},
		"text":          {"no program\n", "names no interpreter"},
		"empty":         {"", "the file is empty"},
		"cut off":       {"\x7fELF", "no program for this system"},
		"script":        {"#!/nowhere/sh\n", `interpreter "/nowhere/sh" does not exist`},
		"Windows lines": {"#!/bin/sh\r\n", `interpreter "/bin/sh\r" does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.want == runtime.GOOS+"/"+runtime.GOARCH {
				tc.want = "a program for this machine, but damaged"
			}
			path := filepath.Join(t.TempDir(), "bootstrap")
			if err := os.WriteFile(path, []byte(tc.content), 0o700); err != nil { //nolint:gosec // the environment runs it
				t.Fatal(err)
			}
			_, err := newEnvironment(t, lambdatest.Config{}, lambdatest.Command(path)).Invoke(t.Context(), lambdatest.Invocation{})
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Count(err.Error(), path) != 1 {
				t.Errorf("got %v, want an error with %s", err, tc.want)
			}
			if here := runtime.GOOS + "/" + runtime.GOARCH; strings.HasPrefix(tc.want, "linux/") && !strings.Contains(err.Error(), here) {
				t.Errorf("got %v, want that it names %s", err, here)
			}
		})
	}
}

func TestCommandWithoutItsLoaderNamesTheLoader(t *testing.T) {
	program, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Skip(err)
	}
	at := bytes.Index(program, []byte("/lib"))
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil || at < 0 || !slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Skip("/bin/sh needs no loader here")
	}
	copy(program[at:], "/LIB")
	path := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(path, program, 0o700); err != nil { //nolint:gosec // the environment runs it
		t.Fatal(err)
	}
	_, err = newEnvironment(t, lambdatest.Config{}, lambdatest.Command(path)).Invoke(t.Context(), lambdatest.Invocation{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `its loader "/LIB`) {
		t.Errorf("got %v, want that it names the loader", err)
	}
}

func TestCommandThatIsNoExecutableFile(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		t.TempDir(): "it is a directory", text: "chmod +x", os.DevNull: "it is no regular file",
	} {
		env := newEnvironment(t, lambdatest.Config{}, lambdatest.Command(path))
		if _, err := env.Invoke(t.Context(), lambdatest.Invocation{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	env := newEnvironment(t, lambdatest.Config{}, lambdatest.Command("/nowhere/bootstrap"))
	if _, err := env.Invoke(t.Context(), lambdatest.Invocation{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it does not exist", err)
	}
}
