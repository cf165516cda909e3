// Package logs takes log records to the queue, or to standard output.
package logs

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlp"
	"github.com/epilogue-go/epilogue/otelx/internal/encoding"
)

// Queue holds log records until they are delivered.
type Queue = delivery.Queue[sdklog.Record]

// Flusher is the part of the SDK that a caller of the logger provider reaches.
type Flusher interface {
	ForceFlush(ctx context.Context) error
	Shutdown(ctx context.Context) error
}

// Processor puts log records into a queue.
type Processor struct {
	Flusher

	queue  *Queue
	queued func()
}

var _ sdklog.Processor = (*Processor)(nil)

// NewProcessor returns a processor for the records of queue. It calls queued after each; queued must not block.
func NewProcessor(queue *Queue, f Flusher, queued func()) *Processor {
	return &Processor{f, queue, queued}
}

// Enabled reports true: every record is exported.
func (*Processor) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }

// OnEmit puts a copy of record into the queue.
func (p *Processor) OnEmit(_ context.Context, record *sdklog.Record) error {
	p.queue.Push(record.Clone(), memoryOf(record))
	p.queued()
	return nil
}

// recordBytes is what a record has in memory without its texts and the attributes beyond the first five, on 64-bit systems.
const recordBytes = 700

// memoryOf estimates how many bytes a record has in memory.
func memoryOf(r *sdklog.Record) int {
	n := recordBytes + len(r.EventName()) + len(r.SeverityText()) + encoding.ValueMemory(r.Body())
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		n += encoding.AttributeMemory(kv)
		return true
	})
	return n
}

// NewEncoder returns a constructor of encoders. A resource and one of its scopes that have more than resourceBytes together (0:
// no limit) make a hint.
func NewEncoder(resourceBytes int) func() delivery.Encoder[sdklog.Record] {
	newRequests := func() encoding.Requests[sdklog.Record] { return new(otlp.LogEncoder) }
	return encoding.New(newRequests, resourceBytes, describe)
}

// describe names a record without its text, which may be long or confidential.
func describe(r sdklog.Record) string {
	return fmt.Sprintf("log record of %q", r.InstrumentationScope().Name)
}
