package agent_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/epilogue-go/epilogue/agent"
)

// printer is a Flusher.
type printer struct{}

func (printer) ForceFlush(context.Context) error { fmt.Println("flushed"); return nil }
func (printer) Shutdown(context.Context) error   { fmt.Println("shut down"); return nil }

// A function's main starts the agent before lambda.Start. Outside Lambda, as here, it registers nothing.
func ExampleStart() {
	ag := agent.Start(context.Background(), printer{},
		agent.WithFlushTimeout(time.Second),
		agent.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))),
	)
	// lambda.Start(handler.Wrap(handle, handler.WithTracker(ag)))
	fmt.Println(ag.Stats().Mode)
	// Output: not-lambda
}

// Flushers of several libraries are flushed one after another.
func ExampleMultiFlusher() {
	all := agent.MultiFlusher(printer{}, nil)
	if err := all.ForceFlush(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: flushed
}

// A function without telemetry that only wants to do something when its environment ends.
func ExampleWithShutdownOnly() {
	agent.Start(context.Background(), agent.MultiFlusher(),
		agent.WithShutdownOnly(),
		agent.WithShutdownHook(func(ctx context.Context) {
			deadline, _ := ctx.Deadline()
			fmt.Println("close the database before", deadline)
		}),
	)
	// Output:
}

// A program that does its own work at SIGTERM and ends itself afterwards.
func ExampleWithoutExit() {
	agent.Start(context.Background(), printer{}, agent.WithoutExit())
	// lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() {
	//	closeThings()
	//	os.Exit(0)
	// }))
	// Output:
}
