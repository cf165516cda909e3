package soak

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/otelx"
)

// exitCode is that of a function that ends its process itself.
const exitCode = 3

// order is what an invocation is told to do.
type order struct {
	Do    string        `json:"do"`
	Spans int           `json:"spans"` // that end, beside the one of the handler
	Pause time.Duration `json:"pause"` // between the first half of them and the second
	Left  time.Duration `json:"left"`  // how long a goroutine that it leaves behind goes on, with an open span; 0: none
	Size  int           `json:"size"`  // bytes of a large response
}

// reply is what an invocation says of its process.
type reply struct {
	PID        int         `json:"pid"`
	Goroutines int         `json:"goroutines"`
	Heap       uint64      `json:"heap"` // bytes in use after a collection, where it was asked for
	Account    otelx.Stats `json:"account"`
}

// function is the user's.
type function struct {
	machine
	tel    *otelx.SDK
	tracer trace.Tracer
}

// handle does what it is told, in a span of its own.
func (f *function) handle(ctx context.Context, o order) (any, error) {
	ctx, span := f.tracer.Start(ctx, "work")
	defer span.End()
	f.end(ctx, o.Spans/2)
	if o.Left > 0 {
		f.leave(ctx, o.Left)
	}
	f.pause(o.Pause)
	f.end(ctx, o.Spans-o.Spans/2)
	return f.outcome(ctx, o)
}

// end ends n spans.
func (f *function) end(ctx context.Context, n int) {
	for range n {
		_, span := f.tracer.Start(ctx, "part")
		span.End()
	}
}

// leave leaves a goroutine behind that ends a span later.
func (f *function) leave(ctx context.Context, d time.Duration) {
	_, span := f.tracer.Start(ctx, "left behind")
	go func() {
		f.pause(d)
		span.End()
	}()
}

// outcome is how the invocation ends.
func (f *function) outcome(ctx context.Context, o order) (any, error) {
	switch o.Do {
	case "fail":
		return nil, errors.New("no")
	case "panic":
		f.tracer.Start(ctx, "left open") // as by code that does not defer its End
		panic("boom")
	case "goexit":
		runtime.Goexit()
	case "exit":
		f.exit(exitCode)
	case "unencodable":
		return func() {}, nil
	case "large":
		return &stream{f: f, parts: []string{strings.Repeat("x", o.Size)}}, nil
	case "stream":
		return &stream{f: f, parts: []string{"one ", "two ", "three"}, pause: o.Pause / 4}, nil
	case "break":
		return &stream{f: f, parts: []string{"one ", "two "}, pause: o.Pause / 4, end: errors.New("no more")}, nil
	case "hang":
		<-f.ended
	}
	return f.reply(o), nil
}

func (f *function) reply(o order) reply {
	r := f.machine.reply(o.Do == "gauge")
	r.Account = f.tel.Stats()
	return r
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

// stream is a body that comes in parts.
type stream struct {
	f     *function
	parts []string
	pause time.Duration
	end   error // nil: io.EOF
}

func (s *stream) Read(b []byte) (int, error) {
	if len(s.parts) == 0 {
		if s.end != nil {
			return 0, s.end
		}
		return 0, io.EOF
	}
	s.f.pause(s.pause)
	n := copy(b, s.parts[0])
	if s.parts[0] = s.parts[0][n:]; s.parts[0] == "" {
		s.parts = s.parts[1:]
	}
	return n, nil
}

// bytesFunction is the function as a lambda.Handler.
type bytesFunction struct{ f *function }

func (h bytesFunction) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var o order
	if err := json.Unmarshal(payload, &o); err != nil {
		return nil, err
	}
	result, err := h.f.handle(ctx, o)
	if err != nil {
		return nil, err
	}
	if r, ok := result.(io.Reader); ok {
		return io.ReadAll(r)
	}
	return json.Marshal(result)
}
