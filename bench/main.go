// Command bench measures epilogue against a bare function and other ways to instrument one: whole programs, each a process
// in the local Lambda of package lambdatest, and the sizes of their binaries. It prints one table of ratios, and the same
// once more on the CPU share of a small function if cgroups let it.
//
//	go run .                   # a few minutes
//	go run . -quick            # everything once, so that it stays true
//	go run . -hold             # only for how long the environment is held after a response
//	go run . -endurance 100000 # the long run instead: so many invocations of a process
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
	hold := flag.Bool("hold", false, "measure only for how long the environment is held after a response")
	long := flag.Int("endurance", 0, "invocations of a long run, which is then all that is measured; 0: none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := prepared(ctx, func(dir string, c *collector) error {
		if *long > 0 {
			return endure(ctx, os.Stdout, dir, c, *long)
		}
		return report(ctx, os.Stdout, dir, c, *quick, *hold)
	})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// prepared calls measure with a folder for binaries and a collector, and clears both away.
func prepared(ctx context.Context, measure func(dir string, c *collector) error) (err error) {
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
	return measure(dir, c)
}

// report builds the programs, measures them and writes the results to out. With holdsOnly it measures only the holds.
func report(ctx context.Context, out io.Writer, dir string, c *collector, quick, holdsOnly bool) error {
	plan, small, archs := fullPlan, quotaPlan, []string{"arm64", "amd64"}
	if quick {
		plan, small, archs = quickPlan, quickPlan, []string{runtime.GOARCH}
	}
	b := &bench{plan: plan, collector: c, dir: dir, paths: make(map[string]string), holdsOnly: holdsOnly}
	var s sizes
	for _, arch := range archs {
		if err := s.build(ctx, dir, arch, b.paths); err != nil {
			return err
		}
	}
	if err := buildPlain(ctx, dir, b.paths); err != nil {
		return err
	}
	if err := b.run(ctx); err != nil {
		return err
	}
	s.addTo(&b.table)
	preface(out, plan)
	b.write(out)
	return underQuota(ctx, out, cgroups, &bench{plan: small, collector: c, dir: dir, paths: b.paths, holdsOnly: holdsOnly})
}

// preface says what the table below is.
func preface(out io.Writer, p plan) {
	fmt.Fprintf(out, "%s; medians of %s, %s of each kind in a process.\n", machine(),
		counted(p.rounds, "interleaved round"), counted(p.invocations, "invocation"))
	fmt.Fprintf(out, "Figures without a unit are ratios to %s, whose own are beside them; what ends a row's name is the round trip to the\n"+
		"collector. Measured by `make bench`.\n\n", programs[0].name)
}

// machine says on what, with what and when something is measured.
func machine() string {
	return fmt.Sprintf("%d CPUs (%s/%s), %s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		strings.Replace(runtime.Version(), "go", "Go ", 1), time.Now().Format("2 January 2006"))
}

// underQuota measures on the CPU share of a small function, or says why not.
func underQuota(ctx context.Context, out io.Writer, parent string, b *bench) (err error) {
	b.quota, err = newQuota(parent)
	if err != nil {
		fmt.Fprintf(out, "\nOn the CPU share of a 128 MB function: skipped, because the cgroup cannot be created: %v\n", err)
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
