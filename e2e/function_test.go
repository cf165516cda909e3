package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	_ "go.opentelemetry.io/contrib/bridges/otelslog" // buildExample builds the examples with the requirements of this module
)

// build compiles a program of the module in dir and returns its path. If overlay is not nil its files take the place of
// others. Each program is compiled once.
func build(t *testing.T, dir, pkg string, overlay map[string]string, flags []string) string {
	t.Helper()
	builds.mu.Lock()
	defer builds.mu.Unlock()
	out := filepath.Join(builds.dir, strings.Join(flags, ""), filepath.Base(pkg))
	if _, err := os.Stat(out); err == nil {
		return out
	}
	args := append([]string{"build", "-tags", "lambda.norpc", "-o", out}, flags...)
	if overlay != nil {
		data, err := json.Marshal(map[string]any{"Replace": overlay})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "overlay.json")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-overlay", file)
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, pkg)...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
	return out
}

// builds are the programs that this run of the tests has compiled. dir is set before and removed after all of them.
var builds struct {
	mu  sync.Mutex
	dir string
}

// buildExample compiles an example that also records, and ends one more span after SIGTERM. It uses the requirements of this
// module: the other has no exporter to record with.
func buildExample(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("../examples", name))
	if err != nil {
		t.Fatal(err)
	}
	main, err := os.ReadFile(filepath.Join(dir, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(main), "ag := agent.Start(ctx, tel)")
	if !found {
		t.Fatalf("the main of %s does not start the agent", name)
	}
	recording := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(recording, []byte(before+`record(tel.TracerProvider())
	ag := agent.Start(ctx, tel, agent.WithShutdownHook(func(ctx context.Context) {
		_, span := tel.TracerProvider().Tracer("e2e").Start(ctx, "close the shop")
		span.End()
	}))`+after), 0o600); err != nil {
		t.Fatal(err)
	}
	recorder, err := filepath.Abs("function/record.go")
	if err != nil {
		t.Fatal(err)
	}
	return build(t, ".", "github.com/epilogue-go/epilogue/examples/"+name,
		map[string]string{filepath.Join(dir, "main.go"): recording, filepath.Join(dir, "record.go"): recorder}, raceFlags)
}

var listens = regexp.MustCompile(`prices listens.* addr=(\S+)`)

// startPrices returns the prices service, which exports to collector, and its URL.
func startPrices(t *testing.T, collector string) (*process, string) {
	t.Helper()
	p := startProcess(t, []string{
		"PRICES_ADDR=127.0.0.1:0", "OTEL_EXPORTER_OTLP_ENDPOINT=" + collector,
	}, build(t, "..", "./examples/prices", nil, raceFlags))
	return p, "http://" + listens.FindStringSubmatch(p.waitFor(t, "prices listens"))[1]
}
