package traces

import (
	"context"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// ItemSender returns x as the engine sees it.
func ItemSender(x sdktrace.SpanExporter) delivery.ItemSender[sdktrace.ReadOnlySpan] {
	return itemSender{x}
}

type itemSender struct{ exporter sdktrace.SpanExporter }

func (x itemSender) SendItems(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	return x.exporter.ExportSpans(ctx, spans)
}

func (x itemSender) Close(ctx context.Context) error { return x.exporter.Shutdown(ctx) }
