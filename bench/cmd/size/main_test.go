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

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "size.budget")
	if err := os.WriteFile(path, []byte("1000000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for added, fails := range map[int64]bool{500_000: false, 1_000_000: false, 1_100_000: false, 1_100_001: true} {
		if err := check(path, added); (err != nil) != fails {
			t.Errorf("%d bytes: %v", added, err)
		}
	}
	if err := check(path, 1_200_000); err == nil || !strings.Contains(err.Error(), "200000 more") {
		t.Errorf("the error does not say by how much: %v", err)
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
