package config

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/spill"
	"github.com/epilogue-go/epilogue/otelx/internal/traces"
)

const (
	exporterKey   = "OTEL_TRACES_EXPORTER"
	queueKey      = "OTEL_BSP_MAX_QUEUE_SIZE"
	batchKey      = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
	spillKey      = "EPILOGUE_SPILL"
	spillBytesKey = "EPILOGUE_SPILL_MAX_BYTES"

	endpointOption = "WithEndpoint"

	// defaultDelay and defaultTimeout are those of the specification, "Batch Span Processor".
	defaultDelay   = 5 * time.Second
	defaultTimeout = 30 * time.Second

	// defaultRequestBytes bounds an encoded request before compression. AWS X-Ray accepts 5 MB (AWS X-Ray Developer Guide,
	// "Use the OTLP endpoint"), an OpenTelemetry Collector 20 MiB by default.
	defaultRequestBytes = 4 << 20
	// LeastRequestBytes is the smallest setting. Below it most spans would need a request each.
	LeastRequestBytes = 16 << 10
	// MostRequestBytes is the largest setting. Hardly any backend accepts more.
	MostRequestBytes = 64 << 20
)

// destination finds out where spans go: the first of an option, OTEL_TRACES_EXPORTER, the preset's exporter, and OTLP.
func (r *resolver) destination(c *Config) {
	if c.Exporter, c.Sender = r.options.Exporter, r.options.Sender; c.Exports() {
		return
	}
	switch r.env.Choice([]string{"otlp", "console", "none"}, "", exporterKey) {
	case "none":
		return
	case "console":
		c.Exporter = traces.NewConsole(os.Stdout)
		return
	case "":
		if c.Exporter = r.preset.Exporter; c.Exporter != nil {
			return
		}
	}
	endpoint := r.env.Endpoint(otelenv.Traces, endpointOption, r.options.URL)
	preset := endpoint
	if preset == nil {
		preset = r.env.URL(endpointOption, r.preset.URL)
	}
	r.applyDeferred(preset)
	switch {
	case r.options.Sender != nil:
		c.Sender = r.options.Sender
	case endpoint == nil && r.preset.Sender != nil:
		c.Sender = r.preset.Sender
	default:
		r.otlp(c, preset)
	}
}

// otlp resolves OTLP over HTTP to endpoint; nil means the default.
func (r *resolver) otlp(c *Config, endpoint *url.URL) {
	const signal = otelenv.Traces
	if endpoint == nil {
		endpoint = otelenv.DefaultEndpoint(signal)
	}
	r.env.CheckProtocol(signal)
	c.Client, c.Endpoint = r.options.Client, r.options.Endpoint
	if c.Client.Dial == nil {
		c.Client.Dial = r.preset.Client.Dial
	}
	if c.Client.Sign == nil {
		c.Client.Sign = r.preset.Client.Sign
	}
	if c.Endpoint.Classify == nil {
		c.Endpoint.Classify = r.preset.Endpoint.Classify
	}
	c.Client.Authorities = r.env.Authorities(signal)
	c.Client.Certificates = r.env.ClientCertificates(signal)
	c.Endpoint.URL = endpoint
	c.Endpoint.Headers = r.headers(signal)
	c.Endpoint.Timeout = r.env.Timeout(signal)
	c.Endpoint.Gzip = r.env.Gzip(signal)
}

// headers returns the first of: option, environment, preset.
func (r *resolver) headers(s otelenv.Signal) map[string]string {
	headers := r.options.Endpoint.Headers
	if headers == nil {
		if headers = r.env.Headers(s); headers != nil {
			return headers
		}
		headers = r.preset.Endpoint.Headers
	}
	r.env.CheckHeaders("WithHeaders", headers) // a copy, made by the option
	return headers
}

// export resolves queue, batches, times, spill and metrics.
func (r *resolver) export(c *Config) {
	option, preset := &r.options, &r.preset
	c.Limits = option.Limits.or(preset.Limits)
	c.QueueSize = choose(option.QueueSize, r.number(queueKey, 1, otelenv.MaxInt), preset.QueueSize, sdktrace.DefaultMaxQueueSize)
	c.BatchSize = r.batchSize(c.QueueSize)
	if c.Exporter == nil {
		c.BatchSize = capped(c.BatchSize, c.Limits.RequestItems)
	}
	bytes := r.number("EPILOGUE_MAX_REQUEST_SIZE", LeastRequestBytes, MostRequestBytes)
	c.RequestBytes = capped(choose(option.RequestBytes, bytes, preset.RequestBytes, defaultRequestBytes), c.Limits.RequestBytes)
	c.Delay = r.env.Millis(defaultDelay, "OTEL_BSP_SCHEDULE_DELAY")
	c.ExportTimeout = r.env.Millis(defaultTimeout, "OTEL_BSP_EXPORT_TIMEOUT")
	c.Spill = r.spill()
	c.SpillBytes = r.env.Int(1, otelenv.MaxInt, spill.DefaultMaxBytes, spillBytesKey)
	if c.NewRecorder = option.NewRecorder; c.NewRecorder == nil {
		c.NewRecorder = preset.NewRecorder
	}
}

// batchSize returns how many spans a batch holds, at most those of the queue.
func (r *resolver) batchSize(queue int) int {
	standard := min(first(r.preset.BatchSize, sdktrace.DefaultMaxExportBatchSize), queue)
	batch := choose(r.options.BatchSize, r.number(batchKey, 1, otelenv.MaxInt), 0, standard)
	if batch > queue {
		r.env.Fail(fmt.Errorf("%s=%d: more than the queue's %d spans (raise %s); %d is used", batchKey, batch, queue, queueKey, queue))
		return queue
	}
	return batch
}

// spill returns where undelivered spans are written: the first of option, EPILOGUE_SPILL and preset; nil for nowhere.
func (r *resolver) spill() io.Writer {
	variable := r.env.Choice([]string{"none", "stderr"}, "", spillKey)
	switch {
	case r.options.Spill != nil:
		return r.options.Spill
	case variable == "stderr":
		return os.Stderr
	case variable == "none":
		return nil
	}
	return r.preset.Spill
}
