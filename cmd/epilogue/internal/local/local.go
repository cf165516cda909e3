// Package local runs one function in a local Lambda, with a receiver for its telemetry, and prints each event as it happens.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// Options describe a function and the use of it.
type Options struct {
	Config   lambdatest.Config
	Command  []string  // the function's program and its arguments
	Receiver *Receiver // nil: the telemetry goes elsewhere
	XRayOnly bool      // tell the function only the address of the receiver's X-Ray daemon
	Verbose  bool      // show the function's output
}

// Lambda is one function in a local Lambda, with a receiver for its telemetry. It prints each event as it happens.
// One goroutine uses it, except for Send.
type Lambda struct {
	function string
	unseen   string // why flushes cannot be assigned to invocations; empty: they can
	env      *lambdatest.Environment
	receiver *Receiver // nil: the telemetry goes elsewhere
	xrayOnly bool
	log      *eventlog.Log
	output   *ProcessLog // standard output and standard error
	stdout   *ProcessLog // standard output alone, to count its telemetry
	written  report.Output
	out      io.Writer
	style    report.Style

	broken   error // of the first write that failed
	printed  printed
	problems []string // sentences for the end

	reports string                           // the directory of the processes' shutdown reports
	settled int                              // the last process whose report has been read
	counted map[int]map[string]report.Counts // by process and signal, what the processes reported

	mu      sync.Mutex
	answers map[string]answer // by request id; guarded by mu
}

// New returns a Lambda that prints to c. The caller must call End.
func New(o Options, c cli.Console) (*Lambda, error) {
	cfg, r := o.Config, o.Receiver
	s := &Lambda{
		function: cfg.FunctionName, receiver: r, xrayOnly: o.XRayOnly, log: cfg.Log, out: c.Out, style: c.Style,
		counted: map[int]map[string]report.Counts{}, answers: map[string]answer{},
	}
	s.output = &ProcessLog{Name: cfg.FunctionName}
	s.stdout = &ProcessLog{Read: s.written.Add}
	if o.Verbose {
		s.output.Show = c.Out
	}
	switch {
	case r == nil:
		s.unseen = "elsewhere"
	case cfg.ManagedInstances:
		s.unseen = "by timer"
	}
	var err error
	if s.reports, err = os.MkdirTemp("", "epilogue-reports-"); err != nil {
		return nil, fmt.Errorf("make a directory for shutdown reports: %w", err)
	}
	cfg.ProcessEnv = func(process int) []string {
		s.flushOutput() // of the process before
		return []string{counts.ReportVariable + "=" + s.reportPath(process)}
	}
	cfg.Stdout, cfg.Stderr = io.MultiWriter(s.output, s.stdout), s.output
	if r != nil {
		cfg.Env = append(cfg.Env, r.xrayVariables()...)
		if !o.XRayOnly {
			cfg.Env = append(cfg.Env, r.Variables(functionPath)...)
		}
	}
	env, err := lambdatest.New(cfg, lambdatest.Command(o.Command[0], o.Command[1:]...))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.reports))
	}
	s.env = env
	return s, nil
}

// End closes the environment. If err is not nil and ctx is not done, it shows the last lines of the function's log and
// of others.
func (s *Lambda) End(ctx context.Context, err error, w io.Writer, others ...*ProcessLog) error {
	closing := s.env.Close()
	s.flushOutput()
	if err != nil && ctx.Err() == nil && s.broken == nil {
		for _, log := range append([]*ProcessLog{s.output}, others...) {
			log.WriteTail(w)
		}
	}
	return errors.Join(err, closing, os.RemoveAll(s.reports))
}

// flushOutput ends lines that the function has not ended.
func (s *Lambda) flushOutput() {
	s.output.Flush()
	s.stdout.Flush()
}

// reportPath is the path of a process's shutdown report.
func (s *Lambda) reportPath(process int) string {
	return filepath.Join(s.reports, strconv.Itoa(process))
}

// Begin prints the lines above the invocations.
func (s *Lambda) Begin(words string) {
	destination := "its telemetry goes elsewhere"
	switch {
	case s.receiver != nil && s.xrayOnly:
		destination = "X-Ray daemon " + s.receiver.daemon.Address()
	case s.receiver != nil:
		destination = "OTLP receiver " + s.receiver.address()
	}
	title := s.style.Title("epilogue: " + report.Visible(s.function) + " in a local Lambda")
	s.write(title + ", " + words + ", " + destination + "\n")
	if !lambdatest.FreezesCommands {
		s.write("this system cannot freeze a process or send it SIGTERM: the function runs on, and is killed at the end\n")
	}
	s.write(report.Legend + "\n\n" + report.Heading(s.style))
}

// Pause leaves the environment frozen for d. With cut, the receiver closes its connections meanwhile.
func (s *Lambda) Pause(ctx context.Context, d time.Duration, cut bool) error {
	p := report.Pause{Took: d}
	if cut {
		p.Words = "meanwhile the receiver cut all its connections: " + strconv.Itoa(s.receiver.cut())
	}
	s.write(p.Line(s.style))
	return freeze(ctx, d)
}

// problemf records a reason for the command to fail. Equal reasons are recorded once.
func (s *Lambda) problemf(format string, args ...any) {
	if text := report.Visible(fmt.Sprintf(format, args...)); !slices.Contains(s.problems, text) {
		s.problems = append(s.problems, text)
	}
}

// Shutdown ends the environment and prints how.
func (s *Lambda) Shutdown(ctx context.Context) error {
	_, err := s.env.Shutdown(ctx)
	if err != nil && !errors.Is(err, lambdatest.ErrNotRunning) {
		return err
	}
	s.print()
	return s.broken
}

// freeze leaves the environment as it is for d.
func freeze(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// receipts returns the function's requests.
func (s *Lambda) receipts() []report.Receipt {
	if s.receiver == nil {
		return nil
	}
	return s.receiver.receipts()
}

// write prints text and keeps the first error.
func (s *Lambda) write(text string) {
	if _, err := io.WriteString(s.out, text); err != nil && s.broken == nil {
		s.broken = fmt.Errorf("write the report: %w", err)
	}
}
