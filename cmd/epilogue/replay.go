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
	"github.com/epilogue-go/epilogue/internal/report"
)

const replayUsage = `epilogue replay [flags] [file ...]

Sends the spans that otelx's last resort has written to a log (EPILOGUE_LAST_RESORT=stderr) to an
OTLP/HTTP endpoint. Reads files, or standard input where none is named: the log itself, the output
of aws logs tail, filter-log-events or get-log-events, what the console downloads as JSON or CSV, an
export of CloudWatch Logs to S3, gzip or not. What is no line of spans is skipped; a span that comes
twice is sent once. The endpoint, its headers and certificates are those of OTEL_EXPORTER_OTLP_*,
http://localhost:4318 if they are not set.

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
	fs.StringVar(&set.endpoint, "endpoint", "", "send to this `URL`, as it is, such as https://otlp.example.com/v1/traces")
	fs.BoolVar(&set.dryRun, "dry-run", false, "send nothing; count, and list the traces")
	duration(fs, &set.patience, "patience", time.Minute, 0, time.Hour, "repeat a request for this `DURATION` while the endpoint is down or busy")
	if err := parse(fs, args, out, replayUsage); err != nil {
		return set, err
	}
	set.files = fs.Args()
	return set, nil
}

// replayLines is the command that sends what a last resort has written. Whatever goes wrong, what has been found is sent,
// unless ctx has ended, and counted.
func replayLines(ctx context.Context, args []string, c console) error {
	set, err := parseReplay(args, c.out)
	if err != nil {
		return err
	}
	target, closeTarget, err := set.target(c)
	if err != nil {
		return err
	}
	defer closeTarget()
	in, err := set.read(ctx, c.in, target)
	fmt.Fprintf(c.out, "lines: %d with spans, %d without%s\n", in.Lines-in.Without, in.Without, unless0(in.Broken, ", "+broken(in.Broken)))
	err = errors.Join(err, target.finish(ctx))
	target.summarize(c.out)
	if in.Broken > 0 {
		err = errors.Join(err, fmt.Errorf("%s; a log cuts long lines off", broken(in.Broken)))
	}
	return err
}

// target returns where the spans are to go, and what lets go of it.
func (set *replayFlags) target(c console) (spanTarget, func(), error) {
	settings, err := replay.ParseSettings(os.Getenv, set.endpoint)
	if err != nil {
		return nil, nil, usagef("%v", err)
	}
	if set.dryRun {
		return &census{traces: map[string]int{}, seen: map[string]bool{}}, func() {}, nil
	}
	settings.Patience = set.patience
	settings.Retrying = func(err error) {
		fmt.Fprintf(c.err, "epilogue: %v; trying again, for %s at most\n", err, set.patience)
	}
	sender := replay.NewSender(settings)
	return &delivery{sender: sender, endpoint: settings.Target()}, sender.Close, nil
}

// broken says that n documents can not be read.
func broken(n int) string { return report.Plural(n, "document") + " of spans cut off or damaged" }

// unless0 is text unless n is 0.
func unless0(n int, text string) string {
	if n == 0 {
		return ""
	}
	return text
}

// read reads all files, or standard input. A file that can not be read keeps it from none of the others.
func (set *replayFlags) read(ctx context.Context, stdin io.Reader, target spanTarget) (total replay.Input, err error) {
	found := func(data *tracepb.TracesData) error { return target.add(ctx, data) }
	if len(set.files) == 0 {
		return readUntil(ctx, "standard input", stdin, found)
	}
	var errs []error
	for _, name := range set.files {
		in, err := readFile(ctx, name, found)
		total.Add(in)
		if err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return total, errors.Join(errs...)
}

func readFile(ctx context.Context, name string, found func(*tracepb.TracesData) error) (replay.Input, error) {
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return replay.Input{}, usagef("%s: %v", name, errors.Unwrap(err))
	}
	defer func() { _ = file.Close() }() // it was only read
	return readUntil(ctx, name, file, found)
}

// readUntil reads r to its end, or until ctx ends: a pipe or a terminal may have no end.
func readUntil(ctx context.Context, name string, r io.Reader, found func(*tracepb.TracesData) error) (replay.Input, error) {
	out, into := io.Pipe()
	defer func() { _ = out.Close() }() // ends the copying, if a read of r does not go on for ever
	defer context.AfterFunc(ctx, func() { into.CloseWithError(context.Cause(ctx)) })()
	go func() {
		_, err := io.Copy(into, r)
		into.CloseWithError(err)
	}()
	in, err := replay.Read(out, found)
	if err != nil {
		err = fmt.Errorf("read %s: %w", name, err)
	}
	return in, err
}
