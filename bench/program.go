package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/epilogue-go/epilogue/bench/function"
)

// program is one of those compared: a folder of rivals.
type program struct {
	name string
	grpc bool // it exports over gRPC
}

// programs are in the order of the table's columns. All others are measured against the first, which has no spans.
var programs = []program{
	{name: "bare"}, {name: "epilogue"}, {name: "otlphttp"}, {name: "otlpgrpc", grpc: true}, {name: "autoexport"},
	{name: "doubledecode"},
}

func (p program) isBare() bool { return p == programs[0] }

// environment is what the program finds in its environment beside Lambda's own variables.
func (p program) environment(c *collector, spans int, more ...string) []string {
	endpoint := c.httpURL
	if p.grpc {
		endpoint = c.grpcURL
	}
	return append([]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint, fmt.Sprintf("%s=%d", function.SpansVariable, spans),
	}, more...)
}

// build compiles the program as template.yaml's functions are, into dir, and returns the path of the result.
func (p program) build(ctx context.Context, dir, arch string) (string, error) {
	path := filepath.Join(dir, arch, p.name)
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", path, "./rivals/"+p.name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s for %s: %w\n%s", p.name, arch, err, out)
	}
	return path, nil
}
