package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"go.opentelemetry.io/otel/attribute"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/handler"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

const (
	// ExitCode is that of a function that ends its process itself.
	ExitCode = 3
	// TooLarge is the size of a response of which the Runtime API takes one byte less.
	TooLarge = 6<<20 + 101

	// HandlerStarted is what the function writes to its standard error, followed by Command.Do.
	HandlerStarted = "handler started "
)

// Programs are the mains that a process can run, by name.
var Programs = map[string]func(Process){
	"function":  func(p Process) { f := Start(p); f.Serve(f.Handle) },
	"handler":   func(p Process) { f := Start(p); f.Serve(BytesHandler{f}) }, // a lambda.Handler
	"unwrapped": func(p Process) { f := Start(p); p.Serve(f.Handle) },
}

// Function is a user's function with its telemetry.
type Function struct {
	Process
	SDK    *otelx.SDK
	Agent  *agent.Agent
	Tracer trace.Tracer

	emitter emitter
}

// New wires a function with traces alone as the README does. opts come before the Lambda defaults.
func New(p Process, opts ...otelx.Option) *Function {
	ctx := context.Background()
	tel, err := otelx.New(ctx, append(append(p.Telemetry(), opts...), awslambda.Defaults())...)
	if err != nil {
		fmt.Fprintln(p.Stderr, "telemetry:", err)
	}
	f := &Function{Process: p, SDK: tel, Agent: agent.Start(ctx, tel, p.Agent()...)}
	f.Tracer = tel.TracerProvider().Tracer("function")
	f.emitter = newEmitter(p, tel)
	if p.emulated != nil {
		go func() { <-p.Ended; tel.SetBackgroundExport(false) }() // a process that has ended has no timers
	}
	// If next is broken, a busy machine may run a whole invocation of a child before the agent notices.
	for want := f.Getenv(AwaitedMode); f.emulated == nil && want != "" && f.Agent.Stats().Mode != want; {
		f.Pause(time.Millisecond)
	}
	return f
}

// Start is New with all signals, and has what the function emits recorded in its log.
func Start(p Process, opts ...otelx.Option) *Function {
	f := New(p, append(opts, otelx.WithMetrics(), otelx.WithLogs())...)
	f.Observe(recorder{f.Stderr, f.Ended})
	return f
}

// Observe adds a span processor, unless the SDK is disabled.
func (f *Function) Observe(p sdktrace.SpanProcessor) {
	if provider, ok := f.SDK.TracerProvider().(*sdktrace.TracerProvider); ok {
		provider.RegisterSpanProcessor(p)
	}
}

// Serve serves fn, wrapped.
func (f *Function) Serve(fn any) {
	f.Process.Serve(handler.Wrap(fn, append(f.Handler(), handler.WithTracker(f.Agent),
		handler.WithTracerProvider(f.SDK.TracerProvider()), handler.WithMeterProvider(f.SDK.MeterProvider()))...))
}

// Command says what an invocation does.
type Command struct {
	Do     string          `json:"do"`               // how it ends; see Function.outcome
	Spans  int             `json:"spans,omitempty"`  // that end, besides the span "work" and the invocation's
	Logs   int             `json:"logs,omitempty"`   // records, besides the one of each invocation
	Series int             `json:"series,omitempty"` // of the counter and of the histogram, besides one of each
	Pause  time.Duration   `json:"pause,omitempty"`  // between the first half of them and the second
	Behind []time.Duration `json:"behind,omitempty"` // goroutines that it leaves behind, each with a span that ends after so long
	Left   time.Duration   `json:"left,omitempty"`   // of "late": the time until the deadline when the handler returns
	Size   int             `json:"size,omitempty"`   // of a large response or span, in bytes
}

// Payload is the command as an invocation's payload.
func (c Command) Payload() string {
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers and a word
	}
	return string(payload)
}

// Handle does it, in a span of its own, with a log record and a measurement. It does not defer the span's End, as much code
// does not.
func (f *Function) Handle(ctx context.Context, c Command) (any, error) {
	work, span := f.Tracer.Start(ctx, "work")
	f.emitter.emit(work, 1+c.Logs, 1+c.Series)
	fmt.Fprintf(f.Stderr, "%s%s\n", HandlerStarted, c.Do)
	f.parts(work, c.Spans/2)
	for _, d := range c.Behind {
		_, left := f.Tracer.Start(work, "left behind")
		go func() {
			f.Pause(d)
			left.End()
		}()
	}
	f.Pause(c.Pause)
	f.parts(work, c.Spans-c.Spans/2)
	if err := f.stay(ctx, c, span); err != nil {
		return nil, err
	}
	span.End()
	return f.outcome(c)
}

// parts ends n spans, which look like those of a database client.
func (f *Function) parts(ctx context.Context, n int) {
	for range n {
		_, span := f.Tracer.Start(ctx, "part", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("db.system.name", "postgresql"),
			attribute.String("db.query.text", "SELECT name, price FROM items WHERE shop = $1"),
			attribute.String("server.address", "database.example.com"),
			attribute.Int("server.port", 5432),
		))
		span.End()
	}
}

// stay does the commands after which work is not ended by the handler, or late.
func (f *Function) stay(ctx context.Context, c Command, work trace.Span) error {
	switch c.Do {
	case "panic":
		panic("boom")
	case "goexit":
		runtime.Goexit()
	case "exit":
		f.Exit(ExitCode)
	case "hang":
		<-f.Ended
	case "nest": // with open spans below each other, next to work
		for _, name := range []string{"outer", "inner"} {
			ctx, _ = f.Tracer.Start(ctx, name)
		}
		<-f.Ended
	case "late":
		deadline, _ := ctx.Deadline()
		f.Pause(time.Until(deadline) - c.Left)
	case "until the deadline":
		work.End()
		f.Tracer.Start(ctx, "left open") // by what goes on in the background
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// outcome is how the invocation ends if its handler returns.
func (f *Function) outcome(c Command) (any, error) {
	switch c.Do {
	case "fail":
		return nil, errors.New("no")
	case "unencodable":
		return func() {}, nil
	case "large": // a body, since to encode so much takes seconds with the race detector on a busy machine
		return &body{f: f, parts: []string{strings.Repeat("x", c.Size)}}, nil
	case "large text": // of which the handler knows before the post that it is too large
		return strings.Repeat("x", c.Size), nil
	case "stream":
		return f.Stream(c.Pause / 2), nil
	case "break":
		return &body{f: f, parts: []string{"one ", "two "}, pause: c.Pause / 2, end: errors.New("no more")}, nil
	case "report":
		return f.report(), nil
	}
	return "done", nil
}

// Stream is a response body that comes in three parts, each after a pause.
func (f *Function) Stream(pause time.Duration) io.Reader {
	return &body{f: f, parts: []string{"one ", "two ", "three"}, pause: pause}
}

// body is a response body that comes in parts. It is not JSON.
type body struct {
	f     *Function
	parts []string
	pause time.Duration // before each part
	end   error         // nil: io.EOF
}

func (b *body) Read(p []byte) (int, error) {
	if len(b.parts) == 0 {
		if b.end != nil {
			return 0, b.end
		}
		return 0, io.EOF
	}
	b.f.Pause(b.pause)
	n := copy(p, b.parts[0])
	if b.parts[0] = b.parts[0][n:]; b.parts[0] == "" {
		b.parts = b.parts[1:]
	}
	return n, nil
}

// BytesHandler is the function as a lambda.Handler.
type BytesHandler struct{ *Function }

// Invoke is Handle with bytes.
func (h BytesHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var c Command
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, err
	}
	result, err := h.Handle(ctx, c)
	if err != nil {
		return nil, err
	}
	if r, ok := result.(io.Reader); ok {
		return io.ReadAll(r)
	}
	return json.Marshal(result)
}
