package handler

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/epilogue-go/epilogue/internal/procstart"
)

// The ways in which an environment is initialized. The first three are the platform's values (AWS Lambda Developer
// Guide, "Defined runtime environment variables"). Lambda also initializes on-demand environments ahead of any request
// ("Lambda execution environment lifecycle"), which no variable has.
const (
	onDemand         = "on-demand"
	provisioned      = "provisioned-concurrency"
	managedInstances = "lambda-managed-instances"
	proactive        = "proactive"
)

// initializationType is an attribute of ours: OpenTelemetry's conventions have none.
const initializationType = attribute.Key("epilogue.initialization_type")

// proactiveAfter is the longest time between the initialization of an on-demand environment and the invocation that it
// was made for. Other extensions may initialize meanwhile, and Lambda limits the whole of it to 10 s (AWS Lambda
// Developer Guide, "Lambda execution environment lifecycle", "Init phase"). The instrumentations of OpenTelemetry for
// JavaScript and of Datadog use 10 s as well.
const proactiveAfter = 10 * time.Second

// WithoutInitSpan leaves out the span of the environment's initialization; see docs/cold-starts.md. The attributes of
// the first invocation's span stay. Default: the span is made.
func WithoutInitSpan() Option {
	return func(c *config) { c.noInitSpan = true }
}

// initialization is the environment's Init phase, as the function sees it.
type initialization struct {
	kind    string    // AWS_LAMBDA_INITIALIZATION_TYPE
	began   time.Time // the process; zero outside Lambda
	ended   time.Time // when Wrap was called, the last moment before lambda.Start asks for the first invocation
	arrived atomic.Bool
}

// begin reads the process's data. There is no Init phase outside Lambda.
func (i *initialization) begin(c *config) {
	getenv := c.process.Getenv
	i.kind = getenv("AWS_LAMBDA_INITIALIZATION_TYPE")
	if getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		return
	}
	if i.began = c.process.Began; i.began.IsZero() {
		i.began = procstart.Began() // zero if the clock is virtual
	}
}

// arrival is an invocation's relation to the environment's initialization.
type arrival struct {
	first bool   // the environment's first
	cold  bool   // the caller waited for the initialization
	kind  string // of the initialization; empty if it is not known, and after the first invocation
}

// arrive returns the arrival of the invocation that begins now. Of several concurrent ones exactly one is the first.
func (i *initialization) arrive() arrival {
	if i.arrived.Load() || i.arrived.Swap(true) {
		return arrival{}
	}
	switch i.kind {
	case provisioned, managedInstances:
		// No caller waits: Lambda creates these environments by configuration or by load, not for a request (AWS
		// Lambda Developer Guide, "Configuring provisioned concurrency", "Scaling Lambda Managed Instances").
		return arrival{first: true, kind: i.kind}
	case onDemand, "":
		if i.idle() > proactiveAfter {
			return arrival{first: true, kind: proactive}
		}
	}
	return arrival{first: true, cold: true, kind: i.kind}
}

// idle is the time since the initialization ended. The environment may have been frozen since, and one of the clocks
// may have stood still; the other one is right.
func (i *initialization) idle() time.Duration {
	now := time.Now()
	return max(now.Sub(i.ended), now.Round(0).Sub(i.ended.Round(0)))
}

// appendAttributes adds the attributes of the invocation's span.
func (a arrival) appendAttributes(attrs []attribute.KeyValue) []attribute.KeyValue {
	attrs = append(attrs, semconv.FaaSColdstart(a.cold))
	if a.kind != "" {
		attrs = append(attrs, initializationType.String(a.kind))
	}
	return attrs
}

// traceInit makes the span of the initialization, a child of the first invocation's span. So it is in that trace,
// follows that sampling decision, and leaves with that flush, although it lies before it.
func (in *instrument) traceInit(ctx context.Context, a arrival) {
	if in.noInitSpan || !a.first || in.init.began.IsZero() || !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	_, span := in.tracer().Start(ctx, "init", trace.WithTimestamp(in.init.began),
		trace.WithAttributes(a.appendAttributes(make([]attribute.KeyValue, 0, 2))...))
	span.End(trace.WithTimestamp(in.init.ended))
}

// Process is the process in which Wrap is called. A zero field means the real one, so the zero Process is the process
// itself. Tests and emulated environments set the fields; see [WithProcess]. Lambda's trace header is not among them:
// if the context has none, it comes from the real environment, in which aws-lambda-go puts it.
type Process struct {
	// Getenv reads an environment variable: the platform's AWS_*. Default os.Getenv.
	Getenv func(key string) string

	// Began is the start of the process. Default: the time that Linux reports, to within 10 ms, or else the
	// initialization of the packages.
	Began time.Time
}

// WithProcess replaces the process, for one that is emulated in memory. Default: this process.
func WithProcess(p Process) Option {
	return func(c *config) { c.process = p }
}
