// Command size lists the packages that agent, handler, otelx and otelx/awslambda add to a bare function, with the imports
// that keep each, and the bytes that metrics and logs add to that. With -check it fails if a sum exceeds its budget.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/epilogue-go/epilogue/bench/build"
)

const (
	arch = "arm64"    // whose functions are the cheaper ones
	bare = "bare"     // the function without anything
	full = "epilogue" // the function with all packages, for traces alone
)

// Budgets. Those beyond traces have the names of the programs.
const (
	traces  = "traces"  // full beyond bare
	metrics = "metrics" // beyond full
	logs    = "logs"    // beyond full
	signals = "signals" // metrics and logs beyond full
)

func main() {
	budget := flag.String("check", "", "also compare with the budget in this `file`")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *budget); err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, budget string) (err error) {
	dir, err := os.MkdirTemp("", "epilogue-size-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	added, err := measure(ctx, out, dir)
	if err != nil {
		return err
	}
	if err := explain(ctx, out, dir, added[traces]); err != nil || budget == "" {
		return err
	}
	return check(budget, added)
}

// measure prints the sizes of the programs and returns the added bytes by the name of their budget.
func measure(ctx context.Context, out io.Writer, dir string) (map[string]int64, error) {
	sizes := make(map[string]int64)
	for _, program := range []string{bare, full, metrics, logs, signals} {
		n, err := stripped(ctx, dir, program)
		if err != nil {
			return nil, err
		}
		sizes[program] = n
	}
	added := map[string]int64{traces: sizes[full] - sizes[bare]}
	fmt.Fprintf(out, "On %s, stripped, a bare function is %.2f MB and one with all packages %.2f MB: %.2f MB more.\n",
		arch, mb(sizes[bare]), mb(sizes[full]), mb(added[traces]))
	for _, program := range []string{metrics, logs, signals} {
		added[program] = sizes[program] - sizes[full]
	}
	fmt.Fprintf(out, "Beyond that WithMetrics adds %.2f MB, WithLogs %.2f MB, and both %.2f MB.\n",
		mb(added[metrics]), mb(added[logs]), mb(added[signals]))
	return added, nil
}

// stripped returns the size of a program in bytes, as it is deployed.
func stripped(ctx context.Context, dir, program string) (int64, error) {
	path, err := build.Program(ctx, dir, program, arch, build.Stripped)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }
