package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPackageOf(t *testing.T) {
	for symbol, want := range map[string]string{
		"net/http.(*Transport).dialConn":                               "net/http",
		"time.Time.appendFormat":                                       "time",
		"type:.eq.net/url.URL":                                         "net/url",
		"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv.init":       "go.opentelemetry.io/otel/semconv/v1.43.0/otelconv",
		"gopkg.in/yaml%2ev3.Unmarshal":                                 "gopkg.in/yaml.v3",
		"slices.SortFunc[go.shape.[]*example.com/a/b.T,go.shape.*int]": "slices",
		"go:func.*":               typeData,
		"go:itab.*a.T,io.Reader":  typeData,
		"type:.eq.[8]string":      typeData,
		"_rt0_arm64_linux":        typeData,
		"vendor/golang.org/x/a.b": "vendor/golang.org/x/a",
	} {
		if got := packageOf(symbol); got != want {
			t.Errorf("%s: got %q, want %q", symbol, got, want)
		}
	}
}

const budgets = "# bytes\n\ntraces 1000000\nmetrics 500000\nlogs 200000\nsignals 600000\n"

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "size.budget")
	if err := os.WriteFile(path, []byte(budgets), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, budget := range map[string]int64{traces: 1_000_000, metrics: 500_000, logs: 200_000, signals: 600_000} {
		for over, fails := range map[int64]bool{-100_000: false, 0: false, slack: false, slack + 1: true} {
			if err := check(path, map[string]int64{name: budget + over}); (err != nil) != fails {
				t.Errorf("%s, %d bytes over: %v", name, over, err)
			}
		}
	}
	err := check(path, map[string]int64{traces: 1_200_000, logs: 500_000})
	if err == nil || !strings.Contains(err.Error(), "traces: 1200000 bytes are added, 200000 more") ||
		!strings.Contains(err.Error(), "logs: 500000 bytes are added, 300000 more") {
		t.Errorf("the error does not have both excesses: %v", err)
	}
}

func TestParseBudgets(t *testing.T) {
	if _, err := parseBudgets([]byte(budgets)); err != nil {
		t.Error(err)
	}
	for name, text := range map[string]string{
		"nothing":          "",
		"a name missing":   strings.Replace(budgets, "logs 200000\n", "", 1),
		"a name twice":     budgets + "logs 300000\n",
		"an unknown name":  budgets + "profiles 300000\n",
		"a number alone":   budgets + "300000\n",
		"a name alone":     strings.Replace(budgets, "logs 200000", "logs", 1),
		"no number":        strings.Replace(budgets, "200000", "many", 1),
		"zero":             strings.Replace(budgets, "200000", "0", 1),
		"a negative":       strings.Replace(budgets, "200000", "-1", 1),
		"more on the line": strings.Replace(budgets, "200000", "200000 300000", 1),
	} {
		if got, err := parseBudgets([]byte(text)); err == nil {
			t.Errorf("%s: no error, but %v", name, got)
		}
	}
}

// TestBudgetFile reads the file that CI checks.
func TestBudgetFile(t *testing.T) {
	data, err := os.ReadFile("../../size.budget")
	if err == nil {
		_, err = parseBudgets(data)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestWhy(t *testing.T) {
	by := shortest(map[string][]string{
		"main":                            {"example.com/otelx", "net/http"},
		"example.com/otelx":               {"net/http", "example.com/otelx/internal/otlp"},
		"example.com/otelx/internal/otlp": {"compress/gzip"},
	}, "main")
	for pkg, want := range map[string]string{
		"net/http": "", "compress/gzip": "← internal/otlp ← otelx", "not/there": "",
	} {
		if got := why(by, pkg); got != want {
			t.Errorf("%s: got %q, want %q", pkg, got, want)
		}
	}
}
