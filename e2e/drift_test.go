package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestMainHasNotDrifted: what stands in for an example's main.go is that file line for line, with more between the lines
// and in the call of agent.Start.
func TestMainHasNotDrifted(t *testing.T) {
	for _, name := range []string{"orders", "fulfil"} {
		example, recording := lines(t, "../examples/"+name+"/main.go"), lines(t, "testdata/"+name+"_main.go")
		for _, want := range example {
			at := 0
			for at < len(recording) && !strings.HasPrefix(recording[at], strings.TrimSuffix(want, ")")) {
				at++
			}
			if at == len(recording) {
				t.Fatalf("testdata/%[1]s_main.go has no line %[2]q where examples/%[1]s/main.go has it", name, want)
			}
			recording = recording[at+1:]
		}
	}
}

// lines returns the lines of a file that are not empty.
func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}
