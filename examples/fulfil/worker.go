package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/epilogue-go/epilogue/examples/fulfil"

// reserve is the remaining time of the invocation below which no further message is begun.
const reserve = 500 * time.Millisecond

// worker packs the orders of a batch, one after the other. It keeps nothing between messages.
type worker struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
}

// handle works through the batch. Its answer names the messages that the queue has to deliver again; its error is always
// nil, since an error would send back the whole batch, the good ones too.
func (w *worker) handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	res := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, msg := range batch.Records {
		if err := w.process(ctx, msg); err != nil {
			slog.WarnContext(ctx, "message goes back to the queue", "message", msg.MessageId, "error", err)
			res.BatchItemFailures = append(res.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: msg.MessageId})
		}
	}
	return res, nil
}

// process packs one message's order in a span of the messaging conventions, which also says how it ended.
func (w *worker) process(ctx context.Context, msg events.SQSMessage) error {
	if err := enoughTime(ctx); err != nil {
		return err
	}
	queue := msg.EventSourceARN[strings.LastIndexByte(msg.EventSourceARN, ':')+1:]
	ctx, span := w.tracer.Start(ctx, "process "+queue,
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(w.senderLink(ctx, msg)...),
		trace.WithAttributes(
			semconv.MessagingSystemAWSSQS,
			semconv.MessagingOperationName("process"),
			semconv.MessagingOperationTypeProcess,
			semconv.MessagingDestinationName(queue),
			semconv.MessagingMessageID(msg.MessageId),
		))
	defer span.End()
	err := w.pack(ctx, msg.Body)
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	return err
}

// pack stands for the work itself.
func (w *worker) pack(ctx context.Context, body string) error {
	o, err := readOrder(body)
	if err != nil {
		return err
	}
	_, span := w.tracer.Start(ctx, "pack order", trace.WithAttributes(
		attribute.String("order.id", o.ID), attribute.String("order.sku", o.SKU), attribute.Int64("order.quantity", o.Quantity)))
	span.End()
	return nil
}

// enoughTime is an error once less than reserve is left before ctx's deadline.
func enoughTime(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < reserve {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}
