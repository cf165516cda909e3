package integration

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"
)

// TestNothingIsDoneAtInit: what a package does before main, every cold start pays, whether it is needed or not. These do
// nothing; handler looks up a few types, once for all invocations.
func TestNothingIsDoneAtInit(t *testing.T) {
	const module = "github.com/epilogue-go/epilogue"
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var initialized []string
	for _, match := range regexp.MustCompile(`(?m)^init (\S+) @`).FindAllSubmatch(out, -1) {
		initialized = append(initialized, string(match[1]))
	}
	if !slices.Contains(initialized, module+"/handler") {
		t.Fatalf("no trace of initialization:\n%s", out)
	}
	for _, pkg := range []string{
		"/agent", "/otelx", "/otelx/awslambda", "/otelx/xray", "/internal/bounded", "/internal/breaker", "/internal/counts", "/internal/delivery", "/internal/extensionsapi",
		"/internal/otelenv", "/internal/otlp", "/internal/otlp/response", "/internal/otlphttp", "/internal/redact", "/internal/spill",
		"/internal/xrayheader",
	} {
		if slices.Contains(initialized, module+pkg) {
			t.Errorf("%s has variables that are set before main; see GODEBUG=inittrace=1", pkg)
		}
	}
}
