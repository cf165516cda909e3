package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const module = "github.com/epilogue-go/epilogue"

// longBuild is the time after which a build is announced.
const longBuild = 2 * time.Second

// repository returns the root of epilogue's repository, at or above dir.
func repository(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		mod, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && declares(mod, module) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("demo builds the examples of epilogue's repository, and %s is not inside it; clone it and run make demo there", dir)
		}
	}
}

// declares reports whether a go.mod is that of the module.
func declares(mod []byte, module string) bool {
	for line := range strings.Lines(string(mod)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1] == module
		}
	}
	return false
}

// buildExamples builds the examples named into dir, as a function is built for Lambda.
func buildExamples(ctx context.Context, root, dir string, progress io.Writer, names ...string) error {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return errors.New("demo builds the examples with the go command, which is not in PATH; see https://go.dev/doc/install")
	}
	slow := time.AfterFunc(longBuild, func() {
		fmt.Fprintln(progress, "epilogue: building the examples; the first build takes a minute")
	})
	defer slow.Stop()
	args := []string{"build", "-tags", "lambda.norpc", "-o", dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, "./examples/"+name)
	}
	var output bytes.Buffer
	build := exec.CommandContext(ctx, goCommand, args...)
	build.Dir, build.Stdout, build.Stderr = root, &output, &output
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOTMPDIR="+dir)
	inOwnGroup(build)
	if err := build.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("build the examples: %w\n%s", err, strings.TrimSpace(output.String()))
	}
	return nil
}
