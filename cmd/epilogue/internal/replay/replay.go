// Package replay is the subcommand that sends telemetry from a function's log.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
	"github.com/epilogue-go/epilogue/internal/replay"
	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/internal/spill/lines"
)

const replayUsage = `epilogue replay [flags] [file ...]

Sends the spans, data points and log records that a function has spilled to its log
(EPILOGUE_SPILL=stderr) to an OTLP/HTTP endpoint. Reads files, or standard input if no file is
named: the log itself, the output of aws logs tail, filter-log-events or get-log-events, JSON or CSV
downloaded from the console, or an export of CloudWatch Logs to S3, compressed with gzip or not.
Skips all other lines; sends an item that occurs twice once. OTEL_EXPORTER_OTLP_* set the endpoint,
headers, compression and certificates; the default endpoint is http://localhost:4318.

`

// replayFlags are the flags of replay.
type replayFlags struct {
	endpoint string
	dryRun   bool
	retryFor time.Duration
	files    []string // none: standard input
}

func parseReplay(args []string, out io.Writer) (replayFlags, error) {
	var set replayFlags
	fs := cli.NewFlags("replay")
	fs.StringVar(&set.endpoint, "endpoint", "", "send to this `URL`, as it is, such as https://otlp.example.com/v1/traces;\nother signals go to their path in its place")
	fs.BoolVar(&set.dryRun, "dry-run", false, "send nothing; count, and list the traces")
	cli.Duration(fs, &set.retryFor, "patience", time.Minute, 0, time.Hour, "repeat a request for this `DURATION` while the endpoint is down or busy")
	if err := cli.Parse(fs, args, out, replayUsage); err != nil {
		return set, err
	}
	set.files = fs.Args()
	return set, nil
}

// Command is the command. It sends and counts the items found, even after errors, unless ctx has ended.
func Command(ctx context.Context, args []string, c cli.Console) error {
	set, err := parseReplay(args, c.Out)
	if err != nil {
		return err
	}
	target, closeTarget, err := set.target(c)
	if err != nil {
		return err
	}
	defer closeTarget()
	in, err := set.read(ctx, c.In, target)
	fmt.Fprintf(c.Out, "lines: %d with telemetry, %d without%s\n", in.Lines-in.Without, in.Without, unless0(in.Broken, ", "+broken(in.Broken)))
	err = errors.Join(err, target.finish(ctx))
	target.summarize(c.Out)
	if in.Broken > 0 {
		err = errors.Join(err, fmt.Errorf("%s; a log cuts long lines off", broken(in.Broken)))
	}
	return err
}

// target returns the destination of the items, and a function that closes it.
func (set *replayFlags) target(c cli.Console) (target, func(), error) {
	settings, err := replay.ReadSettings(os.Getenv, set.endpoint)
	if err != nil {
		return nil, nil, cli.Usagef("%v", err)
	}
	if set.dryRun {
		return newCensus(), func() {}, nil
	}
	settings.RetryFor = set.retryFor
	settings.OnRetry = func(err error) {
		fmt.Fprintf(c.Err, "epilogue: %s; retrying for %s at most\n", report.Visible(err.Error()), set.retryFor)
	}
	sender := replay.NewSender(settings)
	return &delivery{sender}, func() { _ = sender.Close() }, nil
}

// broken says that n documents are unreadable.
func broken(n int) string { return report.Plural(n, "document") + " cut off or damaged" }

// unless0 is text unless n is 0.
func unless0(n int, text string) string {
	if n == 0 {
		return ""
	}
	return text
}

// read reads all files, or standard input. An unreadable file does not prevent the others.
func (set *replayFlags) read(ctx context.Context, stdin io.Reader, target target) (total lines.Input, err error) {
	found := func(d lines.Document) error { return target.add(ctx, d) }
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

func readFile(ctx context.Context, name string, found func(lines.Document) error) (lines.Input, error) {
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return lines.Input{}, cli.Usagef("%s: %v", name, errors.Unwrap(err))
	}
	defer func() { _ = file.Close() }() // it was only read
	return readUntil(ctx, name, file, found)
}

// readUntil reads r to its end or until ctx ends, because a pipe or a terminal may have no end.
func readUntil(ctx context.Context, name string, r io.Reader, found func(lines.Document) error) (lines.Input, error) {
	out, into := io.Pipe()
	defer func() { _ = out.Close() }() // ends the copying, unless a read of r never returns
	defer context.AfterFunc(ctx, func() { into.CloseWithError(context.Cause(ctx)) })()
	go func() {
		_, err := io.Copy(into, r)
		into.CloseWithError(err)
	}()
	in, err := lines.Read(out, found)
	if err != nil {
		err = fmt.Errorf("read %s: %w", name, err)
	}
	return in, err
}
