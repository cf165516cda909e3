package variables_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/variables"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheckNamesTheSuccessor(t *testing.T) {
	env := map[string]string{"EPILOGUE_GRACE": "1s", "EPILOGUE_HANDLER_START_WAIT": "1s", "EPILOGUE_SPILL": "stderr"}
	errs := variables.CheckRenamed(variables.Agent, func(key string) string { return env[key] })
	want := "EPILOGUE_GRACE is set and ignored: it is now called EPILOGUE_HANDLER_START_WAIT"
	if len(errs) != 1 || errs[0].Error() != want {
		t.Errorf("got %v, want only %q", errs, want)
	}
	if errs := variables.CheckRenamed(variables.OTelX, func(key string) string { return env[key] }); len(errs) > 0 {
		t.Errorf("a current variable is reported: %v", errs)
	}
}

func TestNoSuccessorIsRetired(t *testing.T) {
	all := slices.Concat(variables.Agent, variables.OTelX)
	for _, v := range all {
		if slices.ContainsFunc(all, func(o variables.Renamed) bool { return o.Name == v.Successor }) {
			t.Errorf("%s leads to %s, which is retired itself", v.Name, v.Successor)
		}
	}
}

func TestUnknownVariableIsNamedWithTheOneThatIsMeant(t *testing.T) {
	environ := []string{
		"EPILOGUE_SPIL=stderr", "EPILOGUE_FLUSH_TIMEOT=1s", "epilogue_spill=x", "EPILOGUE_SPILL=stderr", "EPILOGUE_GRACE=1s", "EPILOGUE_=",
		"EPILOGUE_COLOR=red", "PATH=/bin", "EPILOGUE_MAX_REQUESTSIZE=5",
	}
	text := errors.Join(variables.CheckUnknown(environ, false)...).Error()
	lines := strings.Split(text, "\n")
	for i, want := range []string{
		"EPILOGUE_SPIL is set, but no such variable is known (is EPILOGUE_SPILL meant?)",
		"EPILOGUE_FLUSH_TIMEOT is set, but no such variable is known (is EPILOGUE_FLUSH_TIMEOUT meant?)",
		"EPILOGUE_COLOR is set, but no such variable is known (the known ones are EPILOGUE_DEADLINE_MARGIN, ",
		"EPILOGUE_MAX_REQUESTSIZE is set, but no such variable is known (is EPILOGUE_MAX_REQUEST_SIZE meant?)",
	} {
		if len(lines) != 4 || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("errors\n%s\nwant %s", text, want)
		}
	}
	if again := variables.CheckUnknown(environ, true); len(again) > 0 {
		t.Errorf("reported again: %v", again)
	}
	if again := variables.CheckUnknown(environ, false); len(again) != 4 {
		t.Errorf("not reported again: %v", again)
	}
}

// Every variable that the code names is known, so that none is reported by mistake.
func TestEveryVariableOfTheCodeIsKnown(t *testing.T) {
	name := regexp.MustCompile(`"(EPILOGUE_[A-Z_]+)"`)
	for _, dir := range []string{"agent", "agent/internal/settings", "handler", "otelx", "otelx/internal/config", "internal/counts"} {
		files, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files, %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			code, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range name.FindAllStringSubmatch(string(code), -1) {
				if errs := variables.CheckUnknown([]string{found[1] + "=1"}, false); len(errs) > 0 {
					t.Errorf("%s: %v", file, errs)
				}
			}
		}
	}
}
