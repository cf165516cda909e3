package arch

import (
	"strings"
	"testing"
)

// layers are the packages of the module, the highest layer first. A package imports packages of its own layer and of
// those below. "/..." stands for a package and all below it.
var layers = []struct {
	name     string
	packages []string
}{
	{"programs", []string{"/cmd/epilogue", "/examples/..."}},
	{"subcommands", []string{"/cmd/epilogue/internal/demo", "/cmd/epilogue/internal/replay", "/cmd/epilogue/internal/run"}},
	{"parts of subcommands", []string{"/cmd/epilogue/internal/cli", "/cmd/epilogue/internal/local"}},
	{"tests of the whole system", []string{
		"/internal/arch", "/internal/integration", "/internal/matrix", "/internal/soak", "/internal/strategies",
	}},
	{"parts of programs and of system tests", []string{"/internal/harness", "/internal/replay", "/internal/report"}},
	{"presets", []string{"/otelx/awslambda"}},
	{"backends", []string{"/otelx/xray", "/otelx/internal/awstest"}},
	{"public packages", []string{"/agent", "/handler", "/otelx", "/otelx/tracelog", "/lambdatest/..."}},
	{"parts of the public packages", []string{
		"/agent/internal/...", "/handler/internal/...", "/lambdatest/internal/...", "/otelx/internal/...",
	}},
	{"transport", []string{"/internal/otlphttp"}},
	{"engine and encoding", []string{
		"/internal/delivery", "/internal/emf", "/internal/loglines", "/internal/otlp", "/internal/spill",
	}},
	{"single mechanisms", []string{
		"/internal/bounded", "/internal/breaker", "/internal/clocktest", "/internal/counts",
		"/internal/emf/lines", "/internal/extensionsapi", "/internal/itemtest", "/internal/jsontext/...",
		"/internal/otelenv", "/internal/otelerr", "/internal/requestid",
		"/internal/otlp/response",
		"/internal/procstart", "/internal/redact", "/internal/spill/lines", "/internal/variables", "/internal/version",
		"/internal/xrayheader", "/lambdatest/eventlog",
	}},
}

// layerOf returns the layer that names the package most exactly; -1 if there is none.
func layerOf(pkg string) int {
	layer, longest := -1, 0
	for i, l := range layers {
		for _, p := range l.packages {
			tree, whole := strings.CutSuffix(p, "/...")
			if (pkg == p || whole && (pkg == tree || strings.HasPrefix(pkg, tree+"/"))) && len(p) > longest {
				layer, longest = i, len(p)
			}
		}
	}
	return layer
}

// TestImportsPointDownward fails if a package imports one of a higher layer, or has no layer.
func TestImportsPointDownward(t *testing.T) {
	importer := ""
	for _, word := range goList(t, []string{"list", "-f", "pkg {{.ImportPath}} {{join .Imports \" \"}}", module + "/..."}) {
		pkg, ours := strings.CutPrefix(word, module)
		switch {
		case word == "pkg":
			importer = ""
		case ours && importer == "":
			if importer = pkg; layerOf(pkg) < 0 {
				t.Errorf("%s is in no layer: add it to the table", pkg)
			}
		case ours && layerOf(pkg) < layerOf(importer):
			t.Errorf("%s (%s) imports %s (%s), which is in a higher layer",
				importer, layers[layerOf(importer)].name, pkg, layers[max(layerOf(pkg), 0)].name)
		}
	}
}
