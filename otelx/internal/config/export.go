package config

import (
	"crypto/x509"
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

	// defaultRequests is how many HTTP requests are under way at once.
	defaultRequests = 32
	// defaultRequestBytes bounds an encoded request before compression. AWS X-Ray accepts 5 MB (AWS X-Ray Developer Guide,
	// "Use the OTLP endpoint"), an OpenTelemetry Collector 20 MiB by default.
	defaultRequestBytes = 4 << 20
	// LeastQueueBytes is the smallest setting of the queue's memory: a large span fits.
	LeastQueueBytes   = 1 << 20
	defaultQueueBytes = 64 << 20

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
	errs := r.env.Mark()
	given := r.env.Endpoint(otelenv.Traces, endpointOption, r.options.URL)
	endpoint := given
	if endpoint == nil {
		endpoint = r.env.URL(endpointOption, r.preset.URL)
	}
	r.applyDeferred(endpoint)
	switch c.Sender = r.options.Sender; {
	case c.Sender != nil:
	case given == nil && r.preset.Sender != nil:
		c.Sender = r.preset.Sender
		r.env.Conclude(errs, fmt.Sprintf("%v is used", c.Sender))
	default:
		if endpoint == nil {
			endpoint = otelenv.DefaultEndpoint(otelenv.Traces)
		}
		r.env.Conclude(errs, otelenv.WithoutSecrets(endpoint)+" is used")
		r.otlp(c, endpoint)
	}
}

// otlp resolves OTLP over HTTP to endpoint.
func (r *resolver) otlp(c *Config, endpoint *url.URL) {
	const signal = otelenv.Traces
	r.env.CheckProtocol(signal)
	option, preset := &r.options, &r.preset
	c.Client, c.Endpoint = option.Client, option.Endpoint
	if c.Client.Dial == nil {
		c.Client.Dial = preset.Client.Dial
	}
	if c.Client.Sign == nil {
		c.Client.Sign = preset.Client.Sign
	}
	if c.Endpoint.Classify == nil {
		c.Endpoint.Classify = preset.Endpoint.Classify
	}
	authorities := func() *x509.CertPool { return r.env.Authorities(signal) }
	c.Client.Authorities = choose(option.Client.Authorities, authorities, preset.Client.Authorities, nil)
	if c.Client.Certificates == nil {
		c.Client.Certificates = r.env.ClientCertificates(signal)
	}
	if c.Client.Certificates == nil {
		c.Client.Certificates = preset.Client.Certificates
	}
	c.Endpoint.URL = endpoint
	c.Endpoint.Headers = r.headers(signal)
	c.Endpoint.Timeout = *r.duration(option.Timeout, signal.Keys("TIMEOUT"), preset.Timeout, otelenv.DefaultTimeout)
	compression := func() string { return r.env.Compression(signal) }
	c.Endpoint.Gzip = choose(option.Compress, compression, preset.Compress, "none") == "gzip"
	response := r.number("EPILOGUE_MAX_RESPONSE_SIZE", 1, otelenv.MaxInt)
	c.Endpoint.MaxResponse = int64(choose(option.ResponseBytes, response, preset.ResponseBytes, 0))
	requests := r.number("EPILOGUE_MAX_CONCURRENT_REQUESTS", 1, otelenv.MaxInt)
	c.Requests = choose(option.Requests, requests, preset.Requests, defaultRequests)
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
	queueBytes := r.number("EPILOGUE_MAX_QUEUE_BYTES", LeastQueueBytes, otelenv.MaxInt)
	c.QueueBytes = choose(option.QueueBytes, queueBytes, preset.QueueBytes, defaultQueueBytes)
	c.BatchSize = r.batchSize(c.QueueSize)
	if c.Exporter == nil {
		c.BatchSize = capped(c.BatchSize, c.Limits.RequestItems)
	}
	bytes := r.number("EPILOGUE_MAX_REQUEST_SIZE", LeastRequestBytes, MostRequestBytes)
	c.RequestBytes = capped(choose(option.RequestBytes, bytes, preset.RequestBytes, defaultRequestBytes), c.Limits.RequestBytes)
	c.ScheduleDelay = r.duration(option.ScheduleDelay, []string{"OTEL_BSP_SCHEDULE_DELAY"}, preset.ScheduleDelay, defaultDelay)
	c.ExportTimeout = r.duration(option.ExportTimeout, []string{"OTEL_BSP_EXPORT_TIMEOUT"}, preset.ExportTimeout, defaultTimeout)
	c.Spill = r.spill()
	c.SpillBytes = choose(option.SpillBytes, r.number(spillBytesKey, 1, otelenv.MaxInt), preset.SpillBytes, spill.DefaultMaxBytes)
	if c.NewRecorder = option.NewRecorder; c.NewRecorder == nil {
		c.NewRecorder = preset.NewRecorder
	}
}

// batchSize returns how many spans a batch holds, at most those of the queue.
func (r *resolver) batchSize(queue int) int {
	standard := min(first(r.preset.BatchSize, sdktrace.DefaultMaxExportBatchSize), queue)
	batch := choose(r.options.BatchSize, r.number(batchKey, 1, otelenv.MaxInt), 0, standard)
	if batch <= queue {
		return batch
	}
	setting := fmt.Sprintf("%s=%d", batchKey, batch)
	if r.options.BatchSize != 0 {
		setting = fmt.Sprintf("WithMaxExportBatchSize(%d)", batch)
	}
	r.env.Fail(fmt.Errorf("%s: more than the queue's %d spans (raise %s or WithMaxQueueSize); %d is used",
		setting, queue, queueKey, standard))
	return standard
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
