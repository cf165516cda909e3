// Command size lists the packages that agent, handler, otelx and otelx/awslambda add to a bare function, with the imports
// that keep each. With -check it fails if the sum exceeds a budget.
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
	full = "epilogue" // the function with all packages
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
	before, err := stripped(ctx, dir, bare)
	if err != nil {
		return err
	}
	after, err := stripped(ctx, dir, full)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "On %s, stripped, a bare function is %.2f MB and one with all packages %.2f MB: %.2f MB more.\n",
		arch, mb(before), mb(after), mb(after-before))
	if err := explain(ctx, out, dir, after-before); err != nil || budget == "" {
		return err
	}
	return check(budget, after-before)
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
