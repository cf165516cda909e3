// Package build compiles the programs of the comparison as template.yaml's functions are compiled.
package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Linker flags.
const (
	Stripped    = "-s -w" // as deployed
	WithSymbols = "-w"    // the same code and data, with the symbol table
)

// Rivals is the import path of the programs' folder.
const Rivals = "github.com/epilogue-go/epilogue/bench/rivals/"

// Program compiles a program of rivals for Linux on arch, into a folder of dir, and returns the path of the binary. The
// working directory must be in the module.
func Program(ctx context.Context, dir, name, arch, linkerFlags string) (string, error) {
	path := filepath.Join(dir, arch, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", linkerFlags, "-o", path, Rivals+name)
	cmd.Env = Environ(arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s for %s: %w\n%s", name, arch, err, out)
	}
	return path, nil
}

// Environ is the environment of a go command that builds, or inspects a build, for Linux on arch.
func Environ(arch string) []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
}
