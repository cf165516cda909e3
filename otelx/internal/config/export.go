package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

const (
	// defaultRequests is how many HTTP requests are under way at once.
	defaultRequests = 32
	// defaultRequestBytes bounds an encoded request before compression. AWS X-Ray accepts 5 MB (AWS X-Ray Developer Guide,
	// "Use the OTLP endpoint"), an OpenTelemetry Collector 20 MiB by default.
	defaultRequestBytes = 4 << 20
	// LeastQueueBytes is the smallest setting of the queue's memory: a large item fits.
	LeastQueueBytes   = 1 << 20
	defaultQueueBytes = 64 << 20

	// LeastRequestBytes is the smallest setting. Below it most items would need a request each.
	LeastRequestBytes = 16 << 10
	// MostRequestBytes is the largest setting. Hardly any backend accepts more.
	MostRequestBytes = 64 << 20

	endpointOption = "WithEndpoint"
)

// kind has the names and the defaults of one signal's settings. A variable without a name does not exist.
type kind struct {
	signal otelenv.Signal
	items  string

	queueKey, batchKey, delayKey, timeoutKey string

	queue, batch   int
	delay, timeout time.Duration
}

// exportResolver resolves the export of one signal.
type exportResolver struct {
	*resolver
	kind

	option, preset Export
}

// exportOf returns the resolver of one signal. Options that depend on its endpoint are not applied yet.
func (r *resolver) exportOf(k kind) *exportResolver {
	x := &exportResolver{resolver: r, kind: k}
	x.load()
	return x
}

// load reads the settings of the options.
func (r *exportResolver) load() {
	r.option = r.options.export(r.signal).Or(r.options.Common)
	r.preset = r.builder.preset.export(r.signal).Or(r.builder.preset.Common)
}

// resolve resolves the export of a signal with several exporters, which choose returns. It gets whether options or environment
// give an endpoint for OTLP. resolve returns the exporters: without OTLP if the endpoint cannot be used.
func (r *exportResolver) resolve(x *Export, choose func(given bool) []string) []string {
	errs := r.env.Mark()
	given := r.env.Endpoint(r.signal, endpointOption, r.option.URL)
	exporters := choose(given != nil)
	switch {
	case slices.Contains(exporters, OTLP):
		r.destination(x, given, errs)
		if x.Sender == nil && x.Endpoint == nil {
			exporters = slices.DeleteFunc(slices.Clone(exporters), func(name string) bool { return name == OTLP })
		}
	case len(exporters) > 0:
		r.env.Conclude(errs, strings.Join(exporters, ",")+" is used")
	}
	r.queueing(x, false)
	return exporters
}

// destination resolves where the requests of the signal go: to the Sender of an option, the preset's, or an endpoint. given is
// the valid endpoint of options and environment, and errs marks the errors about others.
func (r *exportResolver) destination(x *Export, given *url.URL, errs int) {
	endpoint := given
	if endpoint == nil {
		endpoint = r.env.URL(endpointOption, r.preset.URL)
	}
	r.applyDeferred(r.signal, endpoint)
	r.load()
	switch x.Sender = r.option.Sender; {
	case x.Sender != nil:
	case given == nil && r.preset.Sender != nil:
		x.Sender = r.preset.Sender
		r.env.Conclude(errs, fmt.Sprintf("%v is used", x.Sender))
	default:
		if endpoint == nil {
			endpoint = otelenv.DefaultEndpoint(r.signal)
		}
		r.env.Conclude(errs, otelenv.WithoutSecrets(endpoint)+" is used")
		r.otlp(x, endpoint)
	}
}

// otlp resolves OTLP over HTTP to endpoint. x has no endpoint if it cannot be used.
func (r *exportResolver) otlp(x *Export, endpoint *url.URL) {
	r.env.CheckProtocol(r.signal)
	own := r.option.Or(Export{
		Dial: r.preset.Dial, Sign: r.preset.Sign, Classify: r.preset.Classify, Complete: r.preset.Complete,
	})
	x.Endpoint, x.Dial, x.Sign, x.Classify = endpoint, own.Dial, own.Sign, own.Classify
	if x.Authorities = r.option.Authorities; x.Authorities == nil {
		x.Authorities = first(r.env.Authorities(r.signal), r.preset.Authorities)
	}
	if x.Certificates = r.option.Certificates; x.Certificates == nil {
		x.Certificates = r.env.ClientCertificates(r.signal)
	}
	if x.Certificates == nil {
		x.Certificates = r.preset.Certificates
	}
	x.Headers = r.headers()
	x.Timeout = r.duration(r.option.Timeout, r.signal.Keys("TIMEOUT"), r.preset.Timeout, otelenv.DefaultTimeout)
	compression := func() string { return r.env.Compression(r.signal) }
	x.Compress = choose(r.option.Compress, compression, r.preset.Compress, "none")
	response := r.number("EPILOGUE_MAX_RESPONSE_SIZE", 1, otelenv.MaxInt)
	x.ResponseBytes = choose(r.option.ResponseBytes, response, r.preset.ResponseBytes, 0)
	if own.Complete == nil {
		return
	}
	if err := own.Complete(x); err != nil {
		r.env.Fail(err)
		x.Endpoint = nil
	}
}

// headers returns the first of: option, environment, preset.
func (r *exportResolver) headers() map[string]string {
	headers := r.option.Headers
	if headers == nil {
		if headers = r.env.Headers(r.signal); headers != nil {
			return headers
		}
		headers = r.preset.Headers
	}
	r.env.CheckHeaders("WithHeaders", headers) // a copy, made by the option
	return headers
}

// queueing resolves queue, batches and times. The limits of a backend hold unless whole says that its sender takes any batch.
func (r *exportResolver) queueing(x *Export, whole bool) {
	x.Limits = r.option.Limits.Or(r.preset.Limits)
	x.QueueSize = choose(r.option.QueueSize, r.number(r.queueKey, 1, otelenv.MaxInt), r.preset.QueueSize, r.queue)
	queueBytes := r.number("EPILOGUE_MAX_QUEUE_BYTES", LeastQueueBytes, otelenv.MaxInt)
	x.QueueBytes = choose(r.option.QueueBytes, queueBytes, r.preset.QueueBytes, defaultQueueBytes)
	x.BatchSize = r.batchSize(x.QueueSize)
	if !whole {
		x.BatchSize = capped(x.BatchSize, x.Limits.RequestItems)
	}
	bytes := r.number("EPILOGUE_MAX_REQUEST_SIZE", LeastRequestBytes, MostRequestBytes)
	x.RequestBytes = capped(choose(r.option.RequestBytes, bytes, r.preset.RequestBytes, defaultRequestBytes), x.Limits.RequestBytes)
	var delayKeys []string
	if r.delayKey != "" {
		delayKeys = []string{r.delayKey}
	}
	x.ScheduleDelay = r.duration(r.option.ScheduleDelay, delayKeys, r.preset.ScheduleDelay, r.delay)
	x.ExportTimeout = r.duration(r.option.ExportTimeout, []string{r.timeoutKey}, r.preset.ExportTimeout, r.timeout)
}

// batchSize returns how many items a batch holds, at most those of the queue.
func (r *exportResolver) batchSize(queue int) int {
	standard := min(first(r.preset.BatchSize, r.batch), queue)
	batch := choose(r.option.BatchSize, r.number(r.batchKey, 1, otelenv.MaxInt), 0, standard)
	if batch <= queue {
		return batch
	}
	setting := fmt.Sprintf("%s=%d", r.batchKey, batch)
	if r.option.BatchSize != 0 {
		setting = fmt.Sprintf("WithMaxExportBatchSize(%d)", batch)
	}
	remedy := "WithMaxQueueSize"
	if r.queueKey != "" {
		remedy = r.queueKey + " or " + remedy
	}
	r.env.Fail(fmt.Errorf("%s: more than the queue's %d %s (raise %s); %d is used", setting, queue, r.items, remedy, standard))
	return standard
}
