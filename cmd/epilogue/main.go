// Command epilogue runs Lambda functions in a local Lambda that freezes. It shows when their telemetry is sent: after the
// response, before the freeze, and at SIGTERM.
//
//	epilogue demo                          the repository's example function in seven scenarios
//	epilogue run [flags] -- ./bootstrap    a function of your own
//
// It also sends spans from a function's log, written there by otelx with EPILOGUE_SPILL=stderr:
//
//	epilogue replay [flags] [file ...]
//
// The exit status is 0 if no telemetry was lost and every invocation ended as planned, 1 if not or if a process ended by itself,
// 2 after a usage error, and 130 after Ctrl-C.
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

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/demo"
	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/replay"
	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/run"
	"github.com/epilogue-go/epilogue/internal/report"
)

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell reports a process that SIGINT ended
)

const usage = `epilogue runs Lambda functions in a local Lambda that freezes, and shows when their telemetry
is sent.

  epilogue demo                         run the example function in seven scenarios
  epilogue run [flags] -- ./bootstrap   run a function of your own
  epilogue replay [flags] [file ...]    send spans that a function wrote to its log

demo, run and replay list their flags with --help.
`

func main() {
	os.Exit(epilogue(os.Args[1:], cli.Console{
		In: os.Stdin, Out: &cli.LockedWriter{W: os.Stdout}, Err: os.Stderr, Style: styleOf(os.Stdout),
	}))
}

// epilogue runs the command that args name and returns the exit status. SIGINT, SIGTERM and SIGHUP end it cleanly. A
// closed output ends it with an error.
func epilogue(args []string, c cli.Console) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	broken := make(chan os.Signal, 1) // never read: with it, a broken pipe is a write error and does not end the process
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)
	go func() {
		select {
		case <-signals:
			cancel(cli.ErrInterrupted)
		case <-ctx.Done():
		}
	}()
	return status(ctx, dispatch(ctx, args, c), c)
}

func dispatch(ctx context.Context, args []string, c cli.Console) error {
	if len(args) == 0 {
		return cli.Usagef("no command (use demo, run or replay; see epilogue --help)")
	}
	switch args[0] {
	case "demo":
		return demo.Command(ctx, args[1:], c)
	case "run":
		return run.Command(ctx, args[1:], c)
	case "replay":
		return replay.Command(ctx, args[1:], c)
	case "help", "-h", "-help", "--help":
		_, err := io.WriteString(c.Out, usage)
		return err
	default:
		return cli.Usagef("unknown command %q (use demo, run or replay)", args[0])
	}
}

// status prints the error and returns the exit status for it.
func status(ctx context.Context, err error, c cli.Console) int {
	var wrong *cli.UsageError
	switch {
	case errors.Is(context.Cause(ctx), cli.ErrInterrupted):
		fmt.Fprintln(c.Err, "epilogue: interrupted; everything that was started has ended")
		return exitInterrupted
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &wrong):
		fmt.Fprintln(c.Err, "epilogue:", report.VisibleLines(err.Error()))
		return exitUsage
	default:
		fmt.Fprintln(c.Err, "epilogue:", report.VisibleLines(err.Error()))
		return exitFailed
	}
}

// styleOf returns the style for file: colors on a terminal, unless the environment disables them.
func styleOf(file *os.File) report.Style {
	info, err := file.Stat()
	return report.StyleFor(err == nil && info.Mode()&os.ModeCharDevice != 0, os.Getenv)
}
