package integration

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/otelx"
)

// crowd is a function that ends many spans, and lets some end when it is over.
type crowd struct{ *function }

// crowdEvent says what an invocation of crowd is to do.
type crowdEvent struct {
	Spans int             `json:"spans"` // that end at once
	Left  []time.Duration `json:"left"`  // how long goroutines go on that it leaves behind, each with an open span
	Do    string          `json:"do"`    // at the end: fail, panic, or return something large
}

// kills reports whether the process ends after it.
func (e crowdEvent) kills() bool { return e.Do == "panic" || e.Do == "large" }

func (machine) wrappedCrowd(f *function, ag *agent.Agent, tel *otelx.SDK) any {
	return f.counted().wrap(crowd{f}.handle, ag, tel)
}

func (c crowd) handle(ctx context.Context, e crowdEvent) (string, error) {
	for range e.Spans {
		_, span := c.tracer.Start(ctx, "part of a crowd", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("db.system.name", "postgresql"),
			attribute.String("db.query.text", "SELECT name, price FROM items WHERE shop = $1"),
			attribute.String("server.address", "database.example.com"),
			attribute.Int("server.port", 5432),
		))
		span.End()
	}
	for _, d := range e.Left {
		_, span := c.tracer.Start(ctx, "left behind")
		go func() {
			c.pause(d)
			span.End()
		}()
	}
	c.pause(handlerTime)
	switch e.Do {
	case "fail":
		return "", errors.New("no")
	case "panic":
		panic("boom")
	case "large":
		return strings.Repeat("x", largeSize), nil
	}
	return "done", nil
}

// crowded is a call of crowd, whose spans are those of e and the invocation's own.
func crowded(e crowdEvent) call {
	payload, err := json.Marshal(e)
	if err != nil {
		panic(err) // numbers only
	}
	c := succeeds.ending(1 + e.Spans + len(e.Left))
	c.name, c.payload = "crowd", string(payload)
	return c
}
