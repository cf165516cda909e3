package lambdatest_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

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
	pid := strings.Trim(string(resp.Payload), `"`)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for state := ""; state != "T"; {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || ctx.Err() != nil {
			t.Fatalf("state %q, %v", state, err)
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		state = fields[0]
	}
	if again := invoke(t, env, lambdatest.Invocation{}); string(again.Payload) != string(resp.Payload) || again.Cold {
		t.Errorf("after the thaw: %+v", again)
	}
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

func TestCommandThatIsNotThere(t *testing.T) {
	env := newEnvironment(t, lambdatest.Config{}, lambdatest.Command("/nowhere/bootstrap"))
	if _, err := env.Invoke(t.Context(), lambdatest.Invocation{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it does not exist", err)
	}
}
