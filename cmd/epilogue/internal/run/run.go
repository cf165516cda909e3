// Package run is the subcommand that runs a function of the user's own in a local Lambda.
package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/local"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Command is the command that runs a function of the user's own.
func Command(ctx context.Context, args []string, c cli.Console) (err error) {
	set, err := parseRun(args, c.Out)
	if err != nil {
		return err
	}
	events, err := local.AwaitEvents(ctx, set.events, c.In)
	if err != nil {
		return err
	}
	path, err := findBinary(set.command[0])
	if err != nil {
		return err
	}
	log := new(eventlog.Log)
	var r *local.Receiver
	if set.otlp {
		if r, err = local.StartReceiver(ctx, log); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
	}
	s, err := local.New(local.Options{
		Config: set.config(path, log), Command: append([]string{path}, set.command[1:]...),
		Receiver: r, XRayOnly: set.xray, Verbose: set.verbose,
	}, c)
	if err != nil {
		return err
	}
	defer func() { err = s.End(ctx, err, c.Err) }()
	if err := set.drive(ctx, s, events); err != nil {
		return err
	}
	return s.Conclude(local.Conclusion{Traces: set.trace})
}

// findBinary returns the absolute path of the function's binary, found as a shell finds it.
func findBinary(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return filepath.Abs(path)
	}
	reason := errors.Unwrap(err)
	if at := new(fs.PathError); errors.As(err, &at) { // it names the file once more
		reason = at.Err
	}
	remedy := "name the function's executable, such as ./bootstrap"
	switch info, statErr := os.Stat(name); {
	case statErr != nil || info.IsDir():
	case errors.Is(err, exec.ErrNotFound):
		remedy = "the file is in this directory: write ./" + name
	case errors.Is(err, fs.ErrPermission):
		remedy = fmt.Sprintf("its mode is %s: chmod +x makes it executable", info.Mode())
	}
	return "", cli.Usagef("%s: %v; %s", name, reason, remedy)
}

// config returns the environment that the flags describe.
func (set *settings) config(path string, log *eventlog.Log) lambdatest.Config {
	name := set.name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	return lambdatest.Config{
		FunctionName: name, MemorySize: set.memory, Timeout: set.timeout, Env: set.env, Seed: set.seed, Log: log,
		ShutdownWindow: set.window, ManagedInstances: set.concurrency > 0, Concurrency: set.concurrency,
	}
}

// drive sends the events and ends the environment.
func (set *settings) drive(ctx context.Context, s *local.Lambda, events []local.Event) error {
	s.Begin(fmt.Sprintf("timeout %s, window %s", set.timeout, set.window))
	send := set.sendInTurn
	if set.concurrency > 0 {
		send = set.sendTogether
	}
	if err := send(ctx, s, events); err != nil {
		return err
	}
	return s.Shutdown(ctx)
}

// sendInTurn sends each event the given number of times, with a freeze between them.
func (set *settings) sendInTurn(ctx context.Context, s *local.Lambda, events []local.Event) error {
	first := true
	for _, e := range events {
		for range set.count {
			if !first && (set.freeze > 0 || set.cut) {
				if err := s.Pause(ctx, set.freeze, set.cut); err != nil {
					return err
				}
			}
			first = false
			if err := s.Invoke(ctx, local.Call{Event: e}); err != nil {
				return err
			}
		}
	}
	return nil
}

// sendTogether sends as many events at once as the environment accepts, and prints all invocations at the end.
func (set *settings) sendTogether(ctx context.Context, s *local.Lambda, events []local.Event) error {
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
				if err := s.Send(ctx, local.Call{Event: e}); err != nil {
					cancel(err)
				}
			})
		}
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return s.Wait(ctx)
}
