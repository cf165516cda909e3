package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// localRun is one function in a local Lambda, with a receiver for its telemetry. It prints each event as it happens.
// One goroutine uses it, except for send.
type localRun struct {
	function string
	unseen   string // why flushes cannot be assigned to invocations; empty: they can
	env      *lambdatest.Environment
	receiver *receiver // nil: the telemetry goes elsewhere
	log      *eventlog.Log
	output   *processLog
	out      io.Writer
	style    report.Style

	broken   error // of the first write that failed
	printed  printed
	problems []string // sentences for the end

	reports string // the directory of the processes' shutdown reports

	mu      sync.Mutex
	answers map[string]answer // by request id; guarded by mu
}

// newLocalRun returns a localRun for the program at command. The caller must call end.
func newLocalRun(cfg lambdatest.Config, command []string, log *eventlog.Log, r *receiver, c console, verbose bool) (*localRun, error) {
	s := &localRun{
		function: cfg.FunctionName, receiver: r, log: log, out: c.out, style: c.style,
		answers: map[string]answer{},
	}
	s.output = &processLog{name: cfg.FunctionName}
	if verbose {
		s.output.show = c.out
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
		return []string{counts.ReportVariable + "=" + s.reportPath(process)}
	}
	cfg.Log, cfg.Stdout, cfg.Stderr = s.log, s.output, s.output
	if r != nil {
		cfg.Env = append(cfg.Env, r.xrayVariables()...)
		if !r.xrayOnly {
			cfg.Env = append(cfg.Env, r.variables(functionPath)...)
		}
	}
	env, err := lambdatest.New(cfg, lambdatest.Command(command[0], command[1:]...))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.reports))
	}
	s.env = env
	return s, nil
}

// end closes the environment. If err is not nil and ctx is not done, it shows the last lines of the function's log and
// of others.
func (s *localRun) end(ctx context.Context, err error, w io.Writer, others ...*processLog) error {
	closing := s.env.Close()
	if err != nil && ctx.Err() == nil && s.broken == nil {
		for _, log := range append([]*processLog{s.output}, others...) {
			log.writeTail(w)
		}
	}
	return errors.Join(err, closing, os.RemoveAll(s.reports))
}

// reportPath is the path of a process's shutdown report.
func (s *localRun) reportPath(process int) string {
	return filepath.Join(s.reports, strconv.Itoa(process))
}

// process returns the number of the last process that was started.
func (s *localRun) process() int {
	n := 0
	for _, e := range s.log.Events() {
		if e.Kind == lambdatest.KindProcessStart {
			n = e.Count
		}
	}
	return n
}

// begin prints the lines above the invocations.
func (s *localRun) begin(words string) {
	destination := "its telemetry goes elsewhere"
	switch {
	case s.receiver != nil && s.receiver.xrayOnly:
		destination = "X-Ray daemon " + s.receiver.daemon.Address()
	case s.receiver != nil:
		destination = "OTLP receiver " + s.receiver.address()
	}
	s.write(s.style.Title("epilogue: "+s.function+" in a local Lambda") + ", " + words + ", " + destination + "\n")
	s.write(report.Legend + "\n\n" + report.Heading(s.style))
}

// pause leaves the environment frozen for d. With cut, the receiver closes its connections meanwhile.
func (s *localRun) pause(ctx context.Context, d time.Duration, cut bool) error {
	p := report.Pause{Took: d}
	if cut {
		p.Words = "meanwhile the receiver cut all its connections: " + strconv.Itoa(s.receiver.cut())
	}
	s.write(p.Line(s.style))
	return freeze(ctx, d)
}

// problemf records a reason for the command to fail. Equal reasons are recorded once.
func (s *localRun) problemf(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.problems, text) {
		s.problems = append(s.problems, text)
	}
}

// shutdown ends the environment and prints how.
func (s *localRun) shutdown(ctx context.Context) error {
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
func (s *localRun) receipts() []report.Receipt {
	if s.receiver == nil {
		return nil
	}
	return s.receiver.receipts()
}

// write prints text and keeps the first error.
func (s *localRun) write(text string) {
	if _, err := io.WriteString(s.out, text); err != nil && s.broken == nil {
		s.broken = fmt.Errorf("write the report: %w", err)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
