package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

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
were sent, the traces, and whether a span was lost. Needs neither an AWS account nor a network.

`

// demoSettings are the flags of demo.
type demoSettings struct {
	binaries string // the directory of the built examples; empty: build them
	refuse   bool
	verbose  bool
}

// parseDemo reads the command line of demo.
func parseDemo(args []string, c console) (demoSettings, error) {
	var set demoSettings
	fs := newFlags("demo")
	fs.StringVar(&set.binaries, "bin", "", "use the built examples in `DIR` instead of building them")
	fs.BoolVar(&set.refuse, "refuse", false, "let the receiver refuse everything with 503, to see what a loss looks like")
	fs.BoolVar(&set.verbose, "v", false, "show what the function and the service write")
	if err := parse(fs, args, c.out, demoUsage); err != nil {
		return set, err
	}
	if fs.NArg() > 0 {
		return set, usagef("demo takes no arguments, only flags; got %q", fs.Arg(0))
	}
	return set, nil
}

// demo is the command that shows everything that can happen to a function's telemetry.
func demo(ctx context.Context, args []string, c console) (err error) {
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
		if err := buildExamples(ctx, root, dir, c.err, "orders", "prices"); err != nil {
			return err
		}
		set.binaries = dir
	}
	return set.play(ctx, filepath.Join(root, "examples", "orders", "events"), c)
}

// play starts everything, plays the scenarios and settles the account.
func (set demoSettings) play(ctx context.Context, events string, c console) (err error) {
	log := new(eventlog.Log)
	r, err := startReceiver(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	output := &processLog{name: "prices"}
	if set.verbose {
		output.show = c.out
	}
	p, err := startPrices(ctx, filepath.Join(set.binaries, "prices"), r.variables("/prices"), output)
	if p != nil {
		defer p.kill()
	}
	if err != nil {
		output.writeTail(c.err)
		return err
	}
	s, err := newLocalRun(lambdatest.Config{
		FunctionName: "orders", Timeout: demoTimeout,
		Env: []string{"PRICES_URL=http://" + p.addr, "ORDERS_FAULTS=on", "EPILOGUE_FLUSH_TIMEOUT=" + demoFlush.String()},
	}, []string{filepath.Join(set.binaries, "orders")}, log, r, c, set.verbose)
	if err != nil {
		return err
	}
	defer func() { err = s.end(ctx, err, c.err, output) }()
	if err := set.perform(ctx, s, events); err != nil {
		return err
	}
	counts, counted, err := p.stop(ctx)
	if err != nil {
		return err
	}
	return s.conclude(conclusion{
		traces: true, expected: s.expected(),
		services: map[string]report.Service{"prices": {Counts: counts, Counted: counted, Leaves: pricesSpans()}},
	})
}
