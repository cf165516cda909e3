package lambdatest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

func TestNewRefusesWhatItCanNotUse(t *testing.T) {
	for want, cfg := range map[string]lambdatest.Config{
		"Config.Timeout=-1":               {Timeout: -1},
		"Config.Order=9":                  {Order: 9},
		"Config.ExternalExtensions: 11":   {ExternalExtensions: make([]lambdatest.ExternalExtension, 11)},
		`ExternalExtensions[0].Name=""`:   {ExternalExtensions: []lambdatest.ExternalExtension{{}}},
		`ExternalExtensions[1].Name="a"`:  {ExternalExtensions: []lambdatest.ExternalExtension{{Name: "a"}, {Name: "a"}}},
		"ExternalExtensions[0].Hold=-1s":  {ExternalExtensions: []lambdatest.ExternalExtension{{Name: "a", Hold: -time.Second}}},
		`Config.Env[1]="B": no variable`:  {Env: []string{"A=", "B"}},
		`Config.Env[0]="=x"`:              {Env: []string{"=x"}},
		"Config.Concurrency=2: only with": {Concurrency: 2},
	} {
		if _, err := lambdatest.New(cfg, lambdatest.Command("x")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if _, err := lambdatest.New(lambdatest.Config{}, nil); err == nil {
		t.Error("no program, no error")
	}
}

func TestZeroConfigIsAWSsDefault(t *testing.T) {
	env, err := lambdatest.New(lambdatest.Config{}, lambdatest.Command("x"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	got := env.Config()
	if got.Timeout != 3*time.Second || got.InitTimeout != 10*time.Second || got.MemorySize != 128 ||
		got.ShutdownWindow != 500*time.Millisecond || got.MaxResponse != 6291556 || got.FunctionVersion != "$LATEST" {
		t.Errorf("defaults %+v", got)
	}
}
