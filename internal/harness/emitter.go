package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/epilogue-go/epilogue/otelx"
)

// What the function emits besides its spans.
const (
	counterName   = "items" // the counter; each measurement adds 1
	histogramName = "sizes" // the histogram; each measurement records measuredSize
	measuredSize  = 0.5
	recordID      = "id" // the attribute that names a log record
)

// The emitter's lines. That of a record ends with its id, and that of measurements with their number.
const (
	recordEmitted = "record emitted "
	measured      = "measured "
)

// emitter emits log records and makes measurements. Like the recorder it writes a line about each on standard error.
type emitter struct {
	out       io.Writer
	ended     <-chan struct{}
	logger    log.Logger
	counter   metric.Int64Counter
	histogram metric.Float64Histogram
}

func newEmitter(p Process, tel *otelx.SDK) emitter {
	e := emitter{out: p.Stderr, ended: p.Ended, logger: tel.LoggerProvider().Logger("function")}
	meter := tel.MeterProvider().Meter("function")
	var err error
	if e.counter, err = meter.Int64Counter(counterName); err != nil {
		panic(err) // the name is valid
	}
	if e.histogram, err = meter.Float64Histogram(histogramName); err != nil {
		panic(err) // the name is valid
	}
	return e
}

// emit emits records, and measures in so many series.
func (e emitter) emit(ctx context.Context, records, series int) {
	var lines bytes.Buffer
	if e.logger.Enabled(ctx, log.EnabledParameters{}) {
		for range records {
			id := fmt.Sprintf("%016x", rand.Uint64()) //nolint:gosec // chance, not secrecy
			var r log.Record
			r.SetTimestamp(time.Now())
			r.SetSeverity(log.SeverityInfo)
			r.SetBody(attribute.StringValue("order taken"))
			r.AddAttributes(attribute.String(recordID, id))
			e.logger.Emit(ctx, r)
			fmt.Fprintf(&lines, "%s%s\n", recordEmitted, id)
		}
	}
	if e.counter.Enabled(ctx) {
		for i := range series {
			attributes := metric.WithAttributeSet(attribute.NewSet(attribute.Int("series", i)))
			e.counter.Add(ctx, 1, attributes)
			e.histogram.Record(ctx, measuredSize, attributes)
		}
		fmt.Fprintf(&lines, "%s%d\n", measured, series)
	}
	select {
	case <-e.ended: // as the recorder
	default:
		_, _ = e.out.Write(lines.Bytes())
	}
}

// ParseRecordLine reads a line about a log record. ok is false for any other line.
func ParseRecordLine(text string) (id string, ok bool) { return strings.CutPrefix(text, recordEmitted) }

// ParseMeasuredLine reads a line about measurements. ok is false for any other line.
func ParseMeasuredLine(text string) (n int, ok bool) {
	_, err := fmt.Sscanf(text, measured+"%d", &n)
	return n, err == nil
}
