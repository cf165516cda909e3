package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// recovers are the files that may call recover, each with its reason. A path that ends in "/" stands for a directory.
var recovers = []struct{ path, reason string }{
	{"internal/bounded/", "it calls foreign code for all others"},
	{"handler/invocation.go", "it passes the handler's panic on, on top of the handler's frames"},
	{"handler/http.go", "it passes a panic of an http.Handler on"},
	{"lambdatest/", "it imitates the runtime, and shares no code with the tested packages"},
}

// TestRecover fails if a file that is no test calls recover. Package bounded treats panics, runtime.Goexit and the
// methods of errors alike everywhere.
func TestRecover(t *testing.T) {
	used := map[string]bool{}
	for path, text := range sources(t) {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || !callsRecover(t, path, text) {
			continue
		}
		at := slices.IndexFunc(recovers, func(r struct{ path, reason string }) bool {
			return path == r.path || strings.HasSuffix(r.path, "/") && strings.HasPrefix(path, r.path)
		})
		if at < 0 {
			t.Errorf("%s calls recover: use internal/bounded", path)
			continue
		}
		used[recovers[at].path] = true
	}
	for _, r := range recovers {
		if !used[r.path] {
			t.Errorf("%s does not call recover any more: remove it from the table", r.path)
		}
	}
}

// callsRecover reports whether a file calls the builtin.
func callsRecover(t *testing.T, path string, text []byte) (calls bool) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			name, ok := call.Fun.(*ast.Ident)
			calls = calls || ok && name.Name == "recover"
		}
		return true
	})
	return calls
}

func TestCallsRecover(t *testing.T) {
	for source, want := range map[string]bool{
		"package p; func f() { defer func() { _ = recover() }() }": true,
		"package p; func f() { x.recover() } // recover()":         false,
	} {
		if got := callsRecover(t, "p.go", []byte(source)); got != want {
			t.Errorf("%s: %v", source, got)
		}
	}
}
