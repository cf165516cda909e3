package strategies

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

// function is a process and what the test asks it for.
type function struct {
	takes time.Duration                                                        // from the handler's begin to its return
	dial  func(ctx context.Context, network, address string) (net.Conn, error) // of the exporter; nil: the process's

	mu  sync.Mutex
	tel *otelx.SDK
	ag  *agent.Agent
}

// main is that of the README.
func (f *function) main(p *lambdatest.Process) {
	ctx := context.Background()
	dial := f.dial
	if dial == nil {
		dial = p.Dial
	}
	tel, err := otelx.New(ctx, otelx.WithGetenv(p.Getenv), otelx.WithDialer(dial), awslambda.Defaults())
	if err != nil {
		panic(err) // the test makes no bad settings
	}
	ag := agent.Start(ctx, tel, agent.WithLogger(slog.New(slog.DiscardHandler)), agent.WithProcess(agent.Process{
		Getenv: p.Getenv, Dial: p.Dial, Notify: p.Notify, StopNotify: p.StopNotify, Exit: p.Exit, Done: p.Context().Done(),
		ExtensionsDir: "/nowhere",
	}))
	f.mu.Lock()
	f.tel, f.ag = tel, ag
	f.mu.Unlock()
	tracer := tel.TracerProvider().Tracer("function")
	handle := func(ctx context.Context) (string, error) {
		f.work(ctx, tracer)
		return "done", nil
	}
	p.Serve(handler.Wrap(handle, handler.WithTracker(ag), handler.WithTracerProvider(tel.TracerProvider()),
		handler.WithoutInitSpan()))
}

// work is a span of the function's own.
func (f *function) work(ctx context.Context, tracer trace.Tracer) {
	_, span := tracer.Start(ctx, "work")
	defer span.End()
	time.Sleep(f.takes)
}

func (f *function) stats() (otelx.Stats, agent.Stats) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tel.Stats(), f.ag.Stats()
}
