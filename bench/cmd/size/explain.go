package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/epilogue-go/epilogue/bench/build"
)

// listed is how many packages get a line of their own.
const listed = 40

// growth is the difference of a package's size between the two binaries.
type growth struct {
	pkg   string
	bytes int64
}

// explain prints the growth of each package and the imports that keep it. The lines add up to total.
func explain(ctx context.Context, out io.Writer, dir string, total int64) error {
	before, err := sizesOf(ctx, dir, bare)
	if err != nil {
		return err
	}
	after, err := sizesOf(ctx, dir, full)
	if err != nil {
		return err
	}
	imports, err := importsOf(ctx, build.Rivals+full)
	if err != nil {
		return err
	}
	grown := grownBy(before, after)
	for _, g := range grown {
		total -= g.bytes
	}
	fmt.Fprint(out, "The packages, in kB, and the shortest chain of imports to it:\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	var rest int64
	for i, g := range grown {
		if i >= listed {
			rest += g.bytes
			continue
		}
		fmt.Fprintf(w, "%.1f\t  %s\n", float64(g.bytes)/1e3, strings.TrimSpace(g.pkg+"  "+why(imports, g.pkg)))
	}
	fmt.Fprintf(w, "%.1f\t  (%d other packages)\n", float64(rest)/1e3, max(0, len(grown)-listed))
	fmt.Fprintf(w, "%.1f\t  %s\n", float64(total)/1e3, rounding)
	return w.Flush()
}

func sizesOf(ctx context.Context, dir, program string) (map[string]int64, error) {
	binary, err := build.Program(ctx, dir, program, arch, build.WithSymbols)
	if err != nil {
		return nil, err
	}
	return packageSizes(binary)
}

// grownBy returns the differences, the largest first.
func grownBy(before, after map[string]int64) []growth {
	all := maps.Clone(after)
	for pkg, n := range before {
		all[pkg] -= n
	}
	var grown []growth
	for pkg, n := range all {
		if n != 0 {
			grown = append(grown, growth{pkg, n})
		}
	}
	slices.SortFunc(grown, func(a, b growth) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), strings.Compare(a.pkg, b.pkg))
	})
	return grown
}

// importsOf returns for each package of a program its importer on the shortest path from the program.
func importsOf(ctx context.Context, program string) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-tags", "lambda.norpc", "-json=ImportPath,Imports,ImportMap", program)
	cmd.Env = build.Environ(arch)
	stdout, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", program, err)
	}
	imports := make(map[string][]string)
	for d := json.NewDecoder(strings.NewReader(string(stdout))); ; {
		var p struct {
			ImportPath string
			Imports    []string
			ImportMap  map[string]string // of the standard library's vendored packages
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return shortest(imports, program), nil
		} else if err != nil {
			return nil, err
		}
		for _, i := range p.Imports {
			imports[p.ImportPath] = append(imports[p.ImportPath], cmp.Or(p.ImportMap[i], i))
		}
	}
}

// shortest walks imports from root, breadth first.
func shortest(imports map[string][]string, root string) map[string]string {
	by := map[string]string{root: ""}
	for queue := []string{root}; len(queue) > 0; queue = queue[1:] {
		for _, i := range imports[queue[0]] {
			if _, seen := by[i]; !seen {
				by[i] = queue[0]
				queue = append(queue, i)
			}
		}
	}
	delete(by, root)
	return by
}

// why returns the chain of imports from the program to pkg, without the two ends.
func why(by map[string]string, pkg string) string {
	var chain []string
	for p := by[pkg]; by[p] != ""; p = by[p] {
		chain = append(chain, "← "+short(p))
	}
	return strings.Join(chain, " ")
}

// short returns the last two elements of an import path without its version.
func short(pkg string) string {
	name := path.Base(pkg)
	parent := path.Base(path.Dir(pkg))
	if parent == "." || strings.Contains(parent, ".") {
		return name
	}
	return parent + "/" + name
}
