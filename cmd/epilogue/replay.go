package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/epilogue-go/epilogue/internal/replay"
)

const replayUsage = `epilogue replay [flags] [file ...]

Sends the spans that otelx's last resort has written to a log (EPILOGUE_LAST_RESORT=stderr) to an
OTLP/HTTP endpoint. Reads files, or standard input where none is named: the log itself, the output
of aws logs tail, filter-log-events or get-log-events, an export of CloudWatch Logs to S3, gzip or
not. What is no line of spans is skipped; a span that comes twice is sent once.
The endpoint, its headers and certificates are those of OTEL_EXPORTER_OTLP_*.

`

// replayFlags are the flags of replay.
type replayFlags struct {
	endpoint string
	dryRun   bool
	patience time.Duration
	files    []string // none: standard input
}

func parseReplay(args []string, out io.Writer) (replayFlags, error) {
	var set replayFlags
	fs := newFlags("replay")
	fs.StringVar(&set.endpoint, "endpoint", "", "send to this `URL`, as it is (default: what OTEL_EXPORTER_OTLP_* say)")
	fs.BoolVar(&set.dryRun, "dry-run", false, "send nothing; count, and list the traces")
	duration(fs, &set.patience, "patience", time.Minute, 0, time.Hour, "repeat a request for this `DURATION` while the endpoint is down or busy")
	if err := parse(fs, args, out, replayUsage); err != nil {
		return set, err
	}
	set.files = fs.Args()
	return set, nil
}

// replayLines is the command that sends what a last resort has written.
func replayLines(ctx context.Context, args []string, c console) error {
	set, err := parseReplay(args, c.out)
	if err != nil {
		return err
	}
	settings, err := replay.ParseSettings(os.Getenv, set.endpoint)
	if err != nil {
		return usagef("%v", err)
	}
	settings.Patience = set.patience
	var target spanTarget
	if set.dryRun {
		target = &census{traces: map[string]int{}, seen: map[string]bool{}}
	} else {
		sender := replay.NewSender(settings)
		defer sender.Close()
		target = &delivery{sender: sender, endpoint: settings.Endpoint.Redacted()}
	}
	in, err := set.read(ctx, c.in, target)
	if ctx.Err() != nil { // the reading may still go on
		return context.Cause(ctx)
	}
	fmt.Fprintf(c.out, "lines: %d with spans, %d without%s\n", in.Lines-in.Without, in.Without, unless0(in.Broken, ", %d documents broken"))
	if err == nil {
		err = target.finish(ctx)
	}
	target.summarize(c.out)
	if err == nil && in.Broken > 0 {
		err = fmt.Errorf("%d documents of spans can not be read; a log cuts long lines off", in.Broken)
	}
	return err
}

func unless0(n int, format string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(format, n)
}

// read reads all files, or standard input, whose end it does not wait for once ctx has ended.
func (set *replayFlags) read(ctx context.Context, stdin io.Reader, target spanTarget) (replay.Input, error) {
	type result struct {
		in  replay.Input
		err error
	}
	done := make(chan result, 1)
	go func() {
		in, err := set.readAll(ctx, stdin, target)
		done <- result{in, err}
	}()
	select {
	case r := <-done:
		return r.in, r.err
	case <-ctx.Done():
		return replay.Input{}, context.Cause(ctx)
	}
}

func (set *replayFlags) readAll(ctx context.Context, stdin io.Reader, target spanTarget) (total replay.Input, err error) {
	found := func(data *tracepb.TracesData) error { return target.add(ctx, data) }
	if len(set.files) == 0 {
		in, err := replay.Read(stdin, found)
		if err != nil {
			err = fmt.Errorf("read standard input: %w", err)
		}
		return in, err
	}
	for _, name := range set.files {
		in, err := readFile(name, found)
		total.Add(in)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func readFile(name string, found func(*tracepb.TracesData) error) (replay.Input, error) {
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return replay.Input{}, usagef("%s: %v", name, errors.Unwrap(err))
	}
	defer func() { _ = file.Close() }() // it was only read
	in, err := replay.Read(file, found)
	if err != nil {
		err = fmt.Errorf("read %s: %w", name, err)
	}
	return in, err
}
