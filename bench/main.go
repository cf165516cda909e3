// Command bench measures epilogue against a bare function and other ways to instrument one: whole programs, each a process
// in the local Lambda of package lambdatest, and the sizes of their binaries. It prints one table of ratios, and the same
// once more on the CPU share of a small function where cgroups let it.
//
//	go run .          # a few minutes
//	go run . -quick   # everything once, so that it stays true
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

func main() {
	quick := flag.Bool("quick", false, "measure everything once, and no binary of another architecture")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := report(ctx, os.Stdout, *quick)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// report builds the programs, measures them and writes what was found to out.
func report(ctx context.Context, out io.Writer, quick bool) (err error) {
	dir, err := os.MkdirTemp("", "epilogue-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, err := newCollector(ctx)
	if err != nil {
		return err
	}
	defer c.close()

	plan, small, archs := fullPlan, quotaPlan, []string{"arm64", "amd64"}
	if quick {
		plan, small, archs = quickPlan, quickPlan, []string{runtime.GOARCH}
	}
	b := &bench{plan: plan, collector: c, paths: make(map[string]string)}
	var s sizes
	for _, arch := range archs {
		if err := s.build(ctx, dir, arch, b.paths); err != nil {
			return err
		}
	}
	if err := b.run(ctx); err != nil {
		return err
	}
	s.addTo(&b.table)
	preface(out, plan)
	b.write(out)
	return underQuota(ctx, out, cgroups, &bench{plan: small, collector: c, paths: b.paths})
}

// preface says what the table below is.
func preface(out io.Writer, p plan) {
	fmt.Fprintf(out, "%d CPUs (%s/%s), %s, %s; medians of %s, %s of each kind in a process.\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, strings.Replace(runtime.Version(), "go", "Go ", 1), time.Now().Format("2 January 2006"),
		counted(p.rounds, "interleaved round"), counted(p.invocations, "invocation"))
	fmt.Fprintf(out, "Figures without a unit are ratios to %s, whose own are beside them; what ends a row's name is the round trip to the\n"+
		"collector. Measured by `make bench`.\n\n", programs[0].name)
}

// underQuota measures on the CPU share of a small function, or says why not.
func underQuota(ctx context.Context, out io.Writer, parent string, b *bench) (err error) {
	b.quota, err = newQuota(parent)
	if err != nil {
		fmt.Fprintf(out, "\nOn the CPU share of a 128 MB function: skipped, since the cgroup can not be made: %v\n", err)
		return nil
	}
	defer func() { err = errors.Join(err, b.quota.close()) }()
	if err := b.run(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nOn the CPU share of a 128 MB function, %d ms in each %d ms, medians of %s:\n\n", quotaShare/1000, quotaPeriod/1000,
		counted(b.rounds, "interleaved round"))
	b.write(out)
	return nil
}
