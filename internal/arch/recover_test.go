package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recovers are the files that may call recover, each with its reason. A path that ends in "/" stands for a directory.
var recovers = []struct{ path, reason string }{
	{"internal/bounded/", "it calls foreign code for all others"},
	{"handler/invocation.go", "it passes the handler's panic on, on top of the handler's frames"},
	{"handler/failure.go", "it keeps what an error's methods had said before one of them panicked"},
	{"lambdatest/", "it imitates the runtime, and shares no code with what it tests"},
}

// TestRecover fails if a file that is no test calls recover. Package bounded treats panics, runtime.Goexit and the
// methods of errors alike everywhere.
func TestRecover(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, "../../"))
		calls, err := callsRecover(path, nil)
		if err != nil || !calls {
			return err
		}
		at := slices.IndexFunc(recovers, func(r struct{ path, reason string }) bool {
			return name == r.path || strings.HasSuffix(r.path, "/") && strings.HasPrefix(name, r.path)
		})
		if at < 0 {
			t.Errorf("%s calls recover: use internal/bounded", name)
			return nil
		}
		used[recovers[at].path] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recovers {
		if !used[r.path] {
			t.Errorf("%s does not call recover any more: remove it from the table", r.path)
		}
	}
}

// callsRecover reports whether a file calls the builtin. source replaces the file's text unless it is nil.
func callsRecover(path string, source any) (calls bool, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
	if err != nil {
		return false, err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			name, ok := call.Fun.(*ast.Ident)
			calls = calls || ok && name.Name == "recover"
		}
		return true
	})
	return calls, nil
}

func TestCallsRecover(t *testing.T) {
	for source, want := range map[string]bool{
		"package p; func f() { defer func() { _ = recover() }() }": true,
		"package p; func f() { x.recover() } // recover()":         false,
	} {
		if got, err := callsRecover("p.go", source); got != want || err != nil {
			t.Errorf("%s: %v, %v", source, got, err)
		}
	}
}
