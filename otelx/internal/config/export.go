package config

import (
	"fmt"
	"io"
	"os"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/spill"
)

const (
	queueKey = "MAX_QUEUE_SIZE"
	batchKey = "MAX_EXPORT_BATCH_SIZE"

	// defaultRequestBytes bounds an encoded request before compression. AWS X-Ray accepts 5 MB (AWS X-Ray Developer Guide,
	// "Use the OTLP endpoint"), an OpenTelemetry Collector 20 MiB by default.
	defaultRequestBytes = 4 << 20
	// LeastRequestBytes is the smallest setting. Below it most spans would need a request each.
	LeastRequestBytes = 16 << 10
	// MostRequestBytes is the largest setting. Hardly any backend accepts more.
	MostRequestBytes = 64 << 20
)

// processor is the variables of a batch processor, by the prefix of their names, and their defaults.
type processor struct {
	prefix         string
	items          string
	queue, batch   int
	delay, timeout time.Duration
}

// spanProcessor has the defaults of the specification ("Batch Span Processor").
var spanProcessor = processor{
	prefix: "OTEL_BSP_", items: "spans",
	queue: sdktrace.DefaultMaxQueueSize, batch: sdktrace.DefaultMaxExportBatchSize,
	delay: 5 * time.Second, timeout: 30 * time.Second,
}

// traces resolves the export of spans; nil if nothing is exported.
func (r *resolver) traces() *Export {
	d := r.destination()
	if d == (Destination{}) {
		return nil
	}
	x := r.export(&spanProcessor, d, &r.options.Traces, &r.preset.Traces)
	x.NewRecorder = r.options.NewRecorder
	if x.NewRecorder == nil {
		x.NewRecorder = r.preset.NewRecorder
	}
	x.Spill, x.SpillBytes = r.spill()
	return x
}

// export resolves queue, batches and times of a signal.
func (r *resolver) export(p *processor, d Destination, option, preset *Signal) *Export {
	limits := option.Limits.or(preset.Limits)
	queue, batch := r.sizes(p, option, preset)
	if d.Sender != nil || d.OTLP != nil {
		batch = capped(batch, limits.RequestItems)
	}
	bytes := r.number(option.RequestBytes, "EPILOGUE_MAX_REQUEST_SIZE", LeastRequestBytes, MostRequestBytes,
		preset.RequestBytes, defaultRequestBytes)
	return &Export{
		Destination:  d,
		QueueSize:    queue,
		BatchSize:    batch,
		RequestBytes: capped(bytes, limits.RequestBytes),
		Limits:       limits,
		Delay:        r.env.Millis(p.delay, p.prefix+"SCHEDULE_DELAY"),
		Timeout:      r.env.Millis(p.timeout, p.prefix+"EXPORT_TIMEOUT"),
	}
}

// sizes returns how many items a queue and a batch hold. A batch is at most the queue.
func (r *resolver) sizes(p *processor, option, preset *Signal) (queue, batch int) {
	queueKey, batchKey := p.prefix+queueKey, p.prefix+batchKey
	queue = r.number(option.QueueSize, queueKey, 1, otelenv.MaxInt, preset.QueueSize, p.queue)
	standard := min(first(preset.BatchSize, p.batch), queue)
	batch = r.number(option.BatchSize, batchKey, 1, otelenv.MaxInt, 0, standard)
	if batch > queue {
		r.env.Fail(fmt.Errorf("%s=%d: more than the queue's %d %s (raise %s); %d is used", batchKey, batch, queue, p.items, queueKey, queue))
		batch = queue
	}
	return queue, batch
}

// spill returns where undelivered items are written, the first of: option, EPILOGUE_SPILL, preset; nil for nowhere.
func (r *resolver) spill() (w io.Writer, maxBytes int) {
	switch r.env.Choice([]string{"none", "stderr"}, "", spillKey) {
	case "stderr":
		w = os.Stderr
	case "":
		w = r.preset.Spill
	}
	if r.options.Spill != nil {
		w = r.options.Spill
	}
	return w, r.env.Int(1, otelenv.MaxInt, spill.DefaultMaxBytes, spillBytesKey)
}
