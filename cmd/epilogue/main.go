// Command epilogue runs Lambda functions in a local Lambda that freezes, and shows when their telemetry leaves: after
// the response, before the freeze, and with the last of it at SIGTERM.
//
//	epilogue demo                          the repository's example function, through everything that can happen
//	epilogue run [flags] -- ./bootstrap    a function of your own
//
// It also sends the spans that a function has spilled to its log (see otelx.WithSpill):
//
//	epilogue replay [flags] [file ...]
//
// The exit status is 0 if nothing was lost and every invocation ended as it should, 1 if not, 2 for a command line that
// cannot be used, and 130 after Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/epilogue-go/epilogue/internal/report"
)

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell reports a process that SIGINT ended
)

// errInterrupted is the cause of the context that a signal ended.
var errInterrupted = errors.New("interrupted")

const usage = `epilogue runs Lambda functions in a local Lambda that freezes, and shows when their telemetry
leaves.

  epilogue demo                         run the example function through everything that can happen
  epilogue run [flags] -- ./bootstrap   run a function of your own
  epilogue replay [flags] [file ...]    send the spans that a function has spilled to its log

demo, run and replay list their flags with --help.
`

func main() {
	os.Exit(epilogue(os.Args[1:], console{
		in: os.Stdin, out: &lockedWriter{w: os.Stdout}, err: os.Stderr, style: styleOf(os.Stdout),
	}))
}

// console is what a command reads and writes. Several goroutines write to out.
type console struct {
	in       io.Reader
	out, err io.Writer
	style    report.Style // of out
}

// usageError is a command line that cannot be used. Its text says what to write instead.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// epilogue runs the command that args name and returns the exit status. SIGINT, SIGTERM and SIGHUP end it cleanly; a reader
// of its output who goes away ends it as well, with an error.
func epilogue(args []string, c console) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	broken := make(chan os.Signal, 1) // not read: a broken pipe is an error of the write instead of the end
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)
	go func() {
		select {
		case <-signals:
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	return status(ctx, dispatch(ctx, args, c), c)
}

func dispatch(ctx context.Context, args []string, c console) error {
	if len(args) == 0 {
		return usagef("a command is missing: demo, run or replay; epilogue --help says more")
	}
	switch args[0] {
	case "demo":
		return demo(ctx, args[1:], c)
	case "run":
		return run(ctx, args[1:], c)
	case "replay":
		return replayLines(ctx, args[1:], c)
	case "help", "-h", "-help", "--help":
		_, err := io.WriteString(c.out, usage)
		return err
	default:
		return usagef("no command %q; there are demo, run and replay", args[0])
	}
}

// status says in a sentence what went wrong, and returns the exit status that says the same.
func status(ctx context.Context, err error, c console) int {
	var wrong *usageError
	switch {
	case errors.Is(context.Cause(ctx), errInterrupted):
		fmt.Fprintln(c.err, "epilogue: interrupted; everything that was started has ended")
		return exitInterrupted
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &wrong):
		fmt.Fprintln(c.err, "epilogue:", err)
		return exitUsage
	default:
		fmt.Fprintln(c.err, "epilogue:", err)
		return exitFailed
	}
}
