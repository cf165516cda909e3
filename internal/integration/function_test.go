package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

const (
	handlerTime = 20 * time.Millisecond // from the handler's begin to its return
	streamTime  = 30 * time.Millisecond // from there to the end of a streamed body
	largeSize   = 6<<20 + 101           // bytes of a result; the Runtime API takes one less
	burst       = 30                    // spans that end at once
)

// handlerBegun is what the function writes to its stderr, followed by what it is to do; see invariant.Transcript.
const handlerBegun = "handler begun "

// mains are what a process can be.
var mains = map[string]func(machine){
	"function":  func(m machine) { m.run(m.wrapped) },
	"handler":   func(m machine) { m.run(m.wrappedHandler) },
	"unwrapped": func(m machine) { m.run(func(f *function, _ *agent.Agent, _ *otelx.SDK) any { return f.handle }) },
	"crowd":     func(m machine) { m.run(m.wrappedCrowd) },
}

// run is main: the wiring of the README, with a look at what ends.
func (m machine) run(wrap func(*function, *agent.Agent, *otelx.SDK) any) {
	ctx := context.Background()
	tel, err := otelx.New(ctx, append(m.telemetry, awslambda.Defaults())...)
	if err != nil {
		fmt.Fprintln(m.stderr, "telemetry:", err)
	}
	if provider, ok := tel.TracerProvider().(*sdktrace.TracerProvider); ok { // not where the SDK is disabled
		provider.RegisterSpanProcessor(invariant.Witness{Out: m.stderr, Ended: m.ended})
	}
	ag := agent.Start(ctx, tel, m.agent...)
	m.await(ag)
	m.serve(wrap(&function{machine: m, tracer: tel.TracerProvider().Tracer("function")}, ag, tel))
}

// await waits for the agent to be in the state that the scenario asks for. When next breaks, a busy machine may run a whole
// invocation before the agent hears of it; the environment then freezes on a flush that begins late.
func (m machine) await(ag *agent.Agent) {
	for m.awaits != "" && ag.Stats().Mode != m.awaits {
		m.pause(time.Millisecond)
	}
}

func (machine) wrapped(f *function, ag *agent.Agent, tel *otelx.SDK) any {
	return f.wrap(f.handle, ag, tel)
}

func (machine) wrappedHandler(f *function, ag *agent.Agent, tel *otelx.SDK) any {
	return f.wrap(bytesFunction{f}, ag, tel)
}

// wrap is handler.Wrap as in every user's main, with this process's own provider.
func (m machine) wrap(fn any, ag *agent.Agent, tel *otelx.SDK) any {
	return handler.Wrap(fn, append(m.handler, handler.WithTracker(ag), handler.WithTracerProvider(tel.TracerProvider()))...)
}

// counted is m for functions whose spans are counted by the thousand: they have their own alone.
func (m machine) counted() machine {
	m.handler = append(m.handler, handler.WithoutInitSpan())
	return m
}

// function is the user's.
type function struct {
	machine
	tracer trace.Tracer
}

// event says what an invocation is to do.
type event struct {
	Do   string        `json:"do"`
	Left time.Duration `json:"left"` // until the deadline, for what is late
	For  time.Duration `json:"for"`  // how long it takes beyond handlerTime
}

// handle does it, in a span of its own.
func (f *function) handle(ctx context.Context, e event) (any, error) {
	_, span := f.tracer.Start(ctx, "work")
	defer span.End()
	fmt.Fprintf(f.stderr, "%s%s\n", handlerBegun, e.Do)
	if e.Do == "burst" {
		for range burst {
			f.part(ctx)
		}
	}
	f.pause(handlerTime + e.For)
	switch e.Do {
	case "fail":
		return nil, errors.New("no")
	case "panic":
		f.tracer.Start(ctx, "left open") // as by code that does not defer its End
		panic("boom")
	case "large":
		// A body, since to encode so much takes seconds with the race detector on a busy machine.
		return &body{strings.NewReader(strings.Repeat("x", largeSize))}, nil
	case "stream":
		return &stream{f: f, parts: []string{"one ", "two ", "three"}}, nil
	case "hang":
		<-f.ended
	case "late":
		f.part(ctx)
		deadline, _ := ctx.Deadline()
		f.pause(time.Until(deadline) - e.Left)
	case "nest":
		f.part(ctx)
		for _, name := range []string{"outer", "inner"} {
			ctx, _ = f.tracer.Start(ctx, name)
		}
		<-f.ended
	case "obey":
		span.End()
		f.tracer.Start(ctx, "left open") // by what goes on in the background
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return "done", nil
}

// part is a span that ends at once.
func (f *function) part(ctx context.Context) {
	_, span := f.tracer.Start(ctx, "part")
	span.End()
}

// pause lets d pass, unless the process ends.
func (m machine) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.ended:
	}
}

// body is a reader that has no JSON.
type body struct{ r io.Reader }

func (b *body) Read(p []byte) (int, error) { return b.r.Read(p) }

// stream is a body that comes in parts, over streamTime.
type stream struct {
	f     *function
	parts []string
}

func (s *stream) Read(b []byte) (int, error) {
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	s.f.pause(streamTime / 3)
	n := copy(b, s.parts[0])
	s.parts = s.parts[1:]
	return n, nil
}

// bytesFunction is the function as a lambda.Handler.
type bytesFunction struct{ f *function }

func (h bytesFunction) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	result, err := h.f.handle(ctx, e)
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}
