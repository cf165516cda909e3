// Package demo is the subcommand that shows everything that can happen to a function's telemetry.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/local"
	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

const (
	demoTimeout = 2 * time.Second        // of the function; one invocation takes all of it
	demoFlush   = 300 * time.Millisecond // how long the agent may try if the receiver refuses
	demoFreeze  = 2 * time.Second        // a real one lasts minutes
)

const demoUsage = `epilogue demo [flags]

Builds the examples of this repository, starts the prices service and an OTLP receiver, and runs
the orders function in a local Lambda: cold and warm invocations, a freeze in which the network
forgets all connections, a panic, a timeout, a collector that refuses, SIGTERM. Shows when the spans
were sent, the traces, metrics and logs, and whether a span was lost. Needs neither an AWS account
nor a network.

`

// demoSettings are the flags of demo.
type demoSettings struct {
	binaries string // the directory of the built examples; empty: build them
	refuse   bool
	verbose  bool
}

// parseDemo reads the command line of demo.
func parseDemo(args []string, c cli.Console) (demoSettings, error) {
	var set demoSettings
	fs := cli.NewFlags("demo")
	fs.StringVar(&set.binaries, "bin", "", "use the built examples in `DIR` instead of building them")
	fs.BoolVar(&set.refuse, "refuse", false, "let the receiver refuse everything with 503, to see what a loss looks like")
	fs.BoolVar(&set.verbose, "v", false, "show what the function and the service write")
	if err := cli.Parse(fs, args, c.Out, demoUsage); err != nil {
		return set, err
	}
	if fs.NArg() > 0 {
		return set, cli.Usagef("demo takes no arguments, only flags; got %q", fs.Arg(0))
	}
	return set, nil
}

// Command is the command that shows everything that can happen to a function's telemetry.
func Command(ctx context.Context, args []string, c cli.Console) (err error) {
	set, err := parseDemo(args, c)
	if err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	root, err := repository(here)
	if err != nil {
		return err
	}
	if set.binaries == "" {
		dir, err := os.MkdirTemp("", "epilogue-demo-")
		if err != nil {
			return fmt.Errorf("make a directory for the built examples: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := buildExamples(ctx, root, dir, c.Err, "orders", "prices"); err != nil {
			return err
		}
		set.binaries = dir
	}
	return set.play(ctx, filepath.Join(root, "examples", "orders", "events"), c)
}

// play starts everything, plays the scenarios and settles the account.
func (set demoSettings) play(ctx context.Context, events string, c cli.Console) (err error) {
	log := new(eventlog.Log)
	r, err := local.StartReceiver(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	output := &local.ProcessLog{Name: "prices"}
	if set.verbose {
		output.Show = c.Out
	}
	p, err := startPrices(ctx, filepath.Join(set.binaries, "prices"), r.Variables("/prices"), output)
	if p != nil {
		defer p.kill()
	}
	if err != nil {
		output.WriteTail(c.Err)
		return err
	}
	s, err := local.New(local.Options{
		Config: lambdatest.Config{
			FunctionName: "orders", Timeout: demoTimeout, Log: log,
			Env: []string{
				"PRICES_URL=http://" + p.addr, "ORDERS_FAULTS=on", "EPILOGUE_FLUSH_TIMEOUT=" + demoFlush.String(),
				"OTEL_METRICS_EXPORTER=otlp,emf", "OTEL_LOGS_EXPORTER=otlp,lambda", // to the receiver, and to standard output
			},
		},
		Command: []string{filepath.Join(set.binaries, "orders")}, Receiver: r, Verbose: set.verbose,
	}, c)
	if err != nil {
		return err
	}
	defer func() { err = s.End(ctx, err, c.Err, output) }()
	if err := set.perform(ctx, s, r, events); err != nil {
		return err
	}
	counts, counted, err := p.stop(ctx)
	if err != nil {
		return err
	}
	return s.Conclude(local.Conclusion{
		Traces: true, Expected: s.Expected(),
		Services: map[string]report.Service{"prices": {Counts: counts, Counted: counted, Leaves: pricesSpans()}},
	})
}
