package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// run is the command that runs a function of the user's own.
func run(ctx context.Context, args []string, c console) (err error) {
	set, err := parseRun(args, c.out)
	if err != nil {
		return err
	}
	events, err := awaitEvents(ctx, set.events, c.in)
	if err != nil {
		return err
	}
	path, err := findBinary(set.command[0])
	if err != nil {
		return err
	}
	log := new(eventlog.Log)
	var r *receiver
	if set.otlp {
		if r, err = startReceiver(ctx, log); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.close()) }()
		r.xrayOnly = set.xray
	}
	s, err := newLocalRun(set.config(path), append([]string{path}, set.command[1:]...), log, r, c, set.verbose)
	if err != nil {
		return err
	}
	defer func() { err = s.end(ctx, err, c.err) }()
	if err := set.drive(ctx, s, events); err != nil {
		return err
	}
	return s.conclude(conclusion{traces: set.trace})
}

// findBinary returns the absolute path of the function's binary, found as a shell finds it.
func findBinary(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		reason := errors.Unwrap(err)
		if at := new(fs.PathError); errors.As(err, &at) { // it names the file once more
			reason = at.Err
		}
		return "", usagef("%s: %v; name the function's executable, such as ./bootstrap", name, reason)
	}
	return filepath.Abs(path)
}

// config returns the environment that the flags describe.
func (set *settings) config(path string) lambdatest.Config {
	name := set.name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	return lambdatest.Config{
		FunctionName: name, MemorySize: set.memory, Timeout: set.timeout, Env: set.env, Seed: set.seed,
		ShutdownWindow: set.window, ManagedInstances: set.concurrency > 0, Concurrency: set.concurrency,
	}
}

// drive sends the events and ends the environment.
func (set *settings) drive(ctx context.Context, s *localRun, events []event) error {
	s.begin(fmt.Sprintf("timeout %s, window %s", set.timeout, set.window))
	send := set.sendInTurn
	if set.concurrency > 0 {
		send = set.sendTogether
	}
	if err := send(ctx, s, events); err != nil {
		return err
	}
	return s.shutdown(ctx)
}

// sendInTurn sends each event the given number of times, with a freeze between them.
func (set *settings) sendInTurn(ctx context.Context, s *localRun, events []event) error {
	first := true
	for _, e := range events {
		for range set.count {
			if !first && (set.freeze > 0 || set.cut) {
				if err := s.pause(ctx, set.freeze, set.cut); err != nil {
					return err
				}
			}
			first = false
			if err := s.invoke(ctx, call{event: e}); err != nil {
				return err
			}
		}
	}
	return nil
}

// sendTogether sends as many events at once as the environment accepts, and prints all invocations at the end.
func (set *settings) sendTogether(ctx context.Context, s *localRun, events []event) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	places := make(chan struct{}, set.concurrency)
	for _, e := range events {
		for range set.count {
			select {
			case places <- struct{}{}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			wg.Go(func() {
				defer func() { <-places }()
				if err := s.send(ctx, call{event: e}); err != nil {
					cancel(err)
				}
			})
		}
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := s.env.WaitIdle(ctx); err != nil {
		return err
	}
	s.print()
	return nil
}
