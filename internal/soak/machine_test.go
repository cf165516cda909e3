package soak

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime"

	"github.com/aws/aws-lambda-go/lambda"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

// In a process's environment: asHandler has it serve a lambda.Handler, extensionsDir names the folder that stands for
// /opt/extensions.
const (
	asHandler     = "SOAK_HANDLER"
	extensionsDir = "SOAK_EXTENSIONS"
)

// machine is what the function needs of its process, in memory or a real one.
type machine struct {
	telemetry []otelx.Option
	agent     []agent.Option
	getenv    func(string) string
	serve     func(fn any)
	exit      func(code int)
	stderr    io.Writer
	ended     <-chan struct{} // closed when a process in memory has ended; nil in a real one
	wires     *wires          // of a process in memory, to the collector
}

// thisProcess is the process itself.
func thisProcess() machine {
	return machine{getenv: os.Getenv, serve: lambda.Start, exit: os.Exit, stderr: os.Stderr}
}

// emulated is a process in memory.
func emulated(p *lambdatest.Process) machine {
	w := &wires{dial: p.Dial, busy: make(map[*wire]bool)}
	return machine{
		wires:     w,
		telemetry: []otelx.Option{otelx.WithGetenv(p.Getenv), otelx.WithDialer(w.Dial)},
		agent: []agent.Option{
			agent.WithLogger(slog.New(slog.NewTextHandler(p.Stderr(), nil))),
			agent.WithProcess(agent.Process{
				Getenv: p.Getenv, Dial: p.Dial, Notify: p.Notify, StopNotify: p.StopNotify, Exit: p.Exit, Done: p.Context().Done(),
				ExtensionsDir: p.Getenv(extensionsDir),
			}),
		},
		getenv: p.Getenv, serve: p.Serve, exit: p.Exit, stderr: p.Stderr(), ended: p.Context().Done(),
	}
}

// run is main, as in the README. watch is told of what it has made before the first invocation; it may return a
// witness of the spans, or nil.
func (m machine) run(watch func(*otelx.SDK, *agent.Agent) sdktrace.SpanProcessor) {
	ctx := context.Background()
	tel, err := otelx.New(ctx, append(m.telemetry, awslambda.Defaults())...)
	if err != nil {
		panic(err) // the walks make no bad settings
	}
	ag := agent.Start(ctx, tel, m.agent...)
	if witness := watch(tel, ag); witness != nil {
		tel.TracerProvider().(*sdktrace.TracerProvider).RegisterSpanProcessor(witness)
	}
	f := &function{machine: m, tel: tel, tracer: tel.TracerProvider().Tracer("soak")}
	var fn any = f.handle
	if m.getenv(asHandler) != "" {
		fn = bytesFunction{f}
	}
	m.serve(handler.Wrap(fn, handler.WithTracker(ag), handler.WithTracerProvider(tel.TracerProvider()),
		handler.WithoutInitSpan())) // what the calls say that they leave is all that there is
}

// reply says how a real process is, after a collection if asked for.
func (m machine) reply(collected bool) reply {
	if m.ended != nil {
		return reply{}
	}
	r := reply{PID: os.Getpid(), Goroutines: runtime.NumGoroutine()}
	if collected {
		runtime.GC()
		runtime.GC() // what the first has found in pools
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		r.Heap = memory.HeapAlloc
	}
	return r
}
