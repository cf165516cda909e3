// Package examples_test tests the build targets of template.yaml: their bootstraps run.
package examples_test

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/lambdatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bootstrap is one function for one architecture of the template.
type bootstrap struct {
	target, architecture string // as in template.yaml
	machine              elf.Machine
	goarch, emulator     string
}

// TestBootstraps runs the targets that `sam build` runs, for both architectures, and each result in the local Lambda:
// that of the other architecture under qemu. It takes a minute or two, and is run by .ci/template/bootstraps.
func TestBootstraps(t *testing.T) {
	if os.Getenv("EPILOGUE_BOOTSTRAPS") != "1" {
		t.Skip("EPILOGUE_BOOTSTRAPS=1 builds the functions for AWS and runs them; .ci/template/bootstraps sets it")
	}
	events := map[string]struct{ event, answer string }{
		"OrdersFunction": {"orders/events/create.json", `"statusCode":201`},
		"FulfilFunction": {"fulfil/events/batch.json", `{"batchItemFailures":[]}`},
	}
	for target, want := range events {
		for _, b := range []bootstrap{
			{target, "arm64", elf.EM_AARCH64, "arm64", "qemu-aarch64-static"},
			{target, "x86_64", elf.EM_X86_64, "amd64", "qemu-x86_64-static"},
		} {
			t.Run(target+"/"+b.architecture, func(t *testing.T) {
				path := b.build(t)
				b.check(t, path)
				b.run(t, path, want.event, want.answer)
			})
		}
	}
}

// build runs make as sam does: the target named by the function, ARTIFACTS_DIR in the environment.
func (b bootstrap) build(t *testing.T) string {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "make", "build-"+b.target)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "ARTIFACTS_DIR="+dir, "ARCHITECTURE="+b.architecture)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make build-%s: %v\n%s", b.target, err, out)
	}
	return filepath.Join(dir, "bootstrap")
}

// check reads from the file itself that it is static, stripped, of the right machine and built as in the template.
func (b bootstrap) check(t *testing.T, path string) {
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if file.Machine != b.machine || file.Class != elf.ELFCLASS64 {
		t.Errorf("machine is %s, %s; want %s", file.Machine, file.Class, b.machine)
	}
	for _, prog := range file.Progs {
		if prog.Type == elf.PT_INTERP || prog.Type == elf.PT_DYNAMIC {
			t.Errorf("it has a segment %s: it is not static", prog.Type)
		}
	}
	if file.Section(".symtab") != nil || file.Section(".debug_info") != nil {
		t.Error("it is not stripped")
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]string{}
	for _, s := range info.Settings {
		built[s.Key] = s.Value
	}
	for key, want := range map[string]string{
		"-tags": "lambda.norpc", "-trimpath": "true", "CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": b.goarch,
	} {
		if built[key] != want {
			t.Errorf("built with %s=%q; want %q", key, built[key], want)
		}
	}
}

// run serves one sample event with the file at path and ends the environment.
func (b bootstrap) run(t *testing.T, path, event, answer string) {
	payload, err := os.ReadFile(event)
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer // slog writes to one of them, depending on the example
	env, err := lambdatest.New(lambdatest.Config{
		FunctionName:   b.target,
		Timeout:        time.Minute, // emulated, a cold start takes seconds
		InitTimeout:    time.Minute,
		ShutdownWindow: 10 * time.Second,
		Env:            []string{"OTEL_TRACES_EXPORTER=none"},
		Stdout:         &out,
		Stderr:         &errs,
	}, b.program(t, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	res, err := env.Invoke(ctx, lambdatest.Invocation{Payload: payload})
	if err != nil || res.FunctionError != "" || !strings.Contains(string(res.Payload), answer) {
		t.Fatalf("got %s %s, %v; want %s", res.FunctionError, res.Payload, err, answer)
	}
	exit, err := env.Shutdown(ctx)
	if err != nil || exit.Code != 0 || exit.Killed {
		t.Errorf("shutdown: %+v, %v", exit, err)
	}
	_ = env.Close() // all of the log is written when it returns
	log := out.String() + errs.String()
	for _, line := range []string{"SIGTERM received", "graceful shutdown completed"} {
		if !strings.Contains(log, line) {
			t.Errorf("the log has no line %q:\n%s", line, log)
		}
	}
}

// program runs the file at path, by an emulator if this machine is of another architecture.
func (b bootstrap) program(t *testing.T, path string) lambdatest.Program {
	if b.goarch == runtime.GOARCH {
		return lambdatest.Command(path)
	}
	emulator, err := exec.LookPath(b.emulator)
	if err != nil {
		t.Fatalf("%v; Debian has it in qemu-user-static", err)
	}
	return lambdatest.Command(emulator, path)
}
