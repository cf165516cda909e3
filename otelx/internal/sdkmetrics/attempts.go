package sdkmetrics

import (
	"context"
	"errors"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// measuredSender measures the attempts of another sender.
type measuredSender struct {
	delivery.Sender
	recorder *recorder
}

func (s measuredSender) Send(ctx context.Context, signal delivery.Signal, body []byte) (delivery.Result, error) {
	began := time.Now()
	res, err := s.Sender.Send(ctx, signal, body)
	s.recorder.attempted(ctx, began, errorType(ctx, res, err))
	return res, err
}

// measuredExporter measures the attempts of a custom exporter.
type measuredExporter struct {
	ItemSender
	recorder *recorder
}

func (x measuredExporter) SendItems(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	began := time.Now()
	err := x.ItemSender.SendItems(ctx, spans)
	kind := ""
	switch {
	case err == nil:
	case ctx.Err() != nil || isTimeout(err):
		kind = typeTimeout
	default:
		kind = typeOther
	}
	x.recorder.attempted(ctx, began, kind)
	return err
}

// errorType classifies an attempt; empty is a full success.
func errorType(ctx context.Context, res delivery.Result, err error) string {
	switch {
	case res.Outcome == delivery.Accepted && res.Rejected > 0:
		return "rejected"
	case res.Outcome == delivery.Accepted:
		return ""
	case res.Outcome == delivery.Refused:
		return "refused"
	case res.Outcome == delivery.TooLarge:
		return "too_large"
	case ctx.Err() != nil || isTimeout(err):
		return typeTimeout
	}
	return typeUnavailable
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool } // of net.Error and context.DeadlineExceeded
	return errors.As(err, &timeout) && timeout.Timeout()
}
