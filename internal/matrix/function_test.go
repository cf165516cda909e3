package matrix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

const (
	// extensionsDir names, in the environment of a child, the folder that stands for /opt/extensions.
	extensionsDir = "MATRIX_EXTENSIONS"
	// awaitedState names, in the environment of a child, the agent's state that it waits for before it serves.
	awaitedState = "MATRIX_STATE"

	handlerBegun = "handler begun" // the function's word for it, on its stderr
	largeSize    = 6<<20 + 101     // bytes of a response; the Runtime API takes one less
	exitCode     = 3               // of os.Exit in the handler
)

// serve is main: the wiring of the README, with a look at what begins and ends, and the agent's lines in JSON.
func serve() {
	go beatAloud()
	ctx := context.Background()
	tel, err := otelx.New(ctx, awslambda.Defaults())
	if err != nil {
		fmt.Fprintln(os.Stderr, "telemetry:", err)
	}
	if provider, ok := tel.TracerProvider().(*sdktrace.TracerProvider); ok {
		provider.RegisterSpanProcessor(invariant.Witness{Out: os.Stderr})
	}
	ag := agent.Start(ctx, tel,
		agent.WithLogger(slog.New(slog.NewJSONHandler(os.Stderr, nil))),
		agent.WithProcess(agent.Process{ExtensionsDir: os.Getenv(extensionsDir)}))
	// When next is broken, a busy machine may run a whole invocation before the agent hears of it. The environment then
	// freezes on a flush that begins late, and its spans leave with a later one.
	for want := os.Getenv(awaitedState); want != "" && ag.Stats().Mode != want; {
		runtime.Gosched()
	}
	f := &function{tracer: tel.TracerProvider().Tracer("function")}
	// Each cell counts what becomes of the same spans, whether its process is the first or not.
	lambda.Start(handler.Wrap(f.handle, handler.WithTracker(ag), handler.WithoutInitSpan()))
}

// function is the user's.
type function struct{ tracer trace.Tracer }

// event says what an invocation is to do.
type event struct {
	Do string `json:"do"`
}

// handle makes one span beside the invocation's. It does not defer its End, as much code does not.
func (f *function) handle(ctx context.Context, e event) (any, error) {
	_, work := f.tracer.Start(ctx, "work")
	fmt.Fprintln(os.Stderr, handlerBegun)
	switch e.Do {
	case "panic":
		panic("boom")
	case "goexit":
		runtime.Goexit()
	case "exit":
		os.Exit(exitCode)
	case "hang":
		select {}
	}
	work.End()
	switch e.Do {
	case "fail":
		return nil, errors.New("no")
	case "unencodable":
		return make(chan int), nil
	case "large":
		return &body{parts: []string{strings.Repeat("x", largeSize)}, end: io.EOF}, nil
	case "stream":
		return &body{parts: []string{"one ", "two ", "three"}, end: io.EOF}, nil
	case "break":
		return &body{parts: []string{"one ", "two "}, end: errors.New("broken")}, nil
	}
	return "done", nil
}

// body is a reader that has no JSON, and ends in some way.
type body struct {
	parts []string
	end   error
}

func (b *body) Read(p []byte) (int, error) {
	if len(b.parts) == 0 {
		return 0, b.end
	}
	n := copy(p, b.parts[0])
	if b.parts[0] = b.parts[0][n:]; b.parts[0] == "" {
		b.parts = b.parts[1:]
	}
	return n, nil
}
