package awslambda

import (
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/awsotlp"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
	"github.com/epilogue-go/epilogue/otelx/xray"
)

const (
	spansPerMB = 16
	minQueue   = 2048
	maxQueue   = 65536
	batchSize  = 2048
)

// Defaults proposes settings for the Lambda function that the environment describes. Without AWS_LAMBDA_FUNCTION_NAME it only adds
// names for propagators. Every option and OTEL_* variable of the user wins over it.
//
//   - Resource: cloud.provider, cloud.platform, cloud.region, faas.name, faas.version, faas.instance (the log stream),
//     faas.max_memory in bytes, aws.log.group.names, aws.log.stream.names, and service.name, which is the function's
//     name. An attribute without its variable is left out. cloud.account.id and cloud.resource_id are not known before the
//     first invocation; the handler sets them on its spans.
//   - Queue: 16 spans for each MB of AWS_LAMBDA_FUNCTION_MEMORY_SIZE, at least 2,048 and at most 65,536. A queue full of large
//     spans (4 KB each) uses a sixteenth of the memory. The specification's default is 2,048.
//   - Queue's bytes: a quarter of the function's memory ([otelx.WithMaxQueueBytes]), 32 MiB at 128 MB. That holds 10,000 spans with
//     ten attributes each.
//   - Batch: 2,048 spans a request instead of 512, so that the pending spans leave in few round trips at the end.
//   - X-Ray: without an OTLP endpoint for traces, spans go by UDP to the X-Ray daemon at AWS_XRAY_DAEMON_ADDRESS ([xray.UDP]). A
//     bad endpoint counts as none. Without a daemon's address, spans go to OTLP's default endpoint.
//   - Metrics, if [otelx.WithMetrics] switches them on: without an OTLP endpoint for metrics they are lines of the embedded metric
//     format on standard output (the exporter emf). Their queue has at most a 32nd of the memory.
//   - Logs, if [otelx.WithLogs] switches them on: without an OTLP endpoint for logs, each record is a line of JSON on standard
//     output (the exporter lambda). Their queue has at most a sixteenth of the memory.
//   - AWS's OTLP endpoints: see below.
//
// If the endpoint of a signal is https://xray.REGION.amazonaws.com/v1/traces, https://monitoring.REGION.amazonaws.com/v1/metrics or
// https://logs.REGION.amazonaws.com/v1/logs, in any of the forms that [xray.AutoConfigure] lists, requests are signed with the
// function's credentials. A refusal is reported once with a remedy, such as the permission that the role lacks. A request has at most
//
//   - traces: 5 MB and 10,000 spans of 200 KB;
//   - metrics: 1 MB and 1,000 data points;
//   - logs: 1 MB.
//
// Log records go to the group and stream in the headers x-aws-log-group and x-aws-log-stream
// (OTEL_EXPORTER_OTLP_LOGS_HEADERS), by default the function's own. If one of them is known from neither place, New reports that and
// sends no records there. The endpoint creates neither. For a minute after New a missing one counts as an outage, because Lambda may
// still create it. After that its records are dropped, and the two commands that create it are reported once.
//
// Propagators are otelx's own default, tracecontext and baggage. OTEL_PROPAGATORS may also name xray and xray-lambda
// ([xray.Propagator], [xray.LambdaPropagator]), in and outside Lambda; see docs/propagation.md. The agent switches the export by
// timer off.
//
// Environment: AWS_XRAY_DAEMON_ADDRESS, AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_VERSION, AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
// AWS_LAMBDA_LOG_GROUP_NAME, AWS_LAMBDA_LOG_STREAM_NAME, AWS_REGION. The platform sets them. A bad value is ignored, except that of
// AWS_XRAY_DAEMON_ADDRESS, which is an error.
func Defaults() otelx.Option {
	return otelx.Options(propagators(), config.FromEnv(func(getenv func(string) string) otelx.Option {
		if getenv("AWS_LAMBDA_FUNCTION_NAME") == "" {
			return nil
		}
		return otelx.Fallback(
			otelx.WithResource(functionResource(getenv)),
			otelx.WithMaxQueueSize(queueSize(memoryMB(getenv))),
			queueBytes(memoryMB(getenv)),
			signals(memoryMB(getenv)),
			otelx.WithMaxExportBatchSize(batchSize),
			daemon(getenv),
			awsEndpoints(getenv),
		)
	}))
}

// propagators makes X-Ray's propagators selectable and selects none.
func propagators() otelx.Option {
	return otelx.Options(
		otelx.WithNamedPropagator("xray", xray.Propagator{}),
		otelx.WithNamedPropagator("xray-lambda", xray.LambdaPropagator{}),
	)
}

// daemon sends spans to the X-Ray daemon if there is one and no endpoint.
func daemon(getenv func(string) string) otelx.Option {
	return config.FromEndpoint(otelenv.Traces, func(endpoint *url.URL) otelx.Option {
		if endpoint != nil || strings.TrimSpace(getenv("AWS_XRAY_DAEMON_ADDRESS")) == "" {
			return nil
		}
		return xray.UDP("")
	})
}

// awsEndpoints adapts each signal to AWS if its endpoint is AWS's.
func awsEndpoints(getenv func(string) string) otelx.Option {
	c := awsotlp.Config{LogGroup: getenv("AWS_LAMBDA_LOG_GROUP_NAME"), LogStream: getenv("AWS_LAMBDA_LOG_STREAM_NAME")}
	var opts []otelx.Option
	for _, signal := range []otelenv.Signal{otelenv.Traces, otelenv.Metrics, otelenv.Logs} {
		opts = append(opts, awsotlp.AutoConfigure(signal, c))
	}
	return otelx.Options(opts...)
}

// memoryMB returns the function's memory in MB; 0 if it is unknown.
func memoryMB(getenv func(string) string) int {
	mb, err := strconv.ParseUint(getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), 10, 31)
	if err != nil {
		return 0
	}
	return int(mb)
}

func queueSize(mb int) int {
	return min(max(spansPerMB*mb, minQueue), maxQueue)
}

// queueBytes bounds the queue's memory by a quarter of the function's. Live memory doubles before a collection, and the function
// needs some, too.
func queueBytes(mb int) otelx.Option {
	if mb < 4 { // unknown
		return nil
	}
	return otelx.WithMaxQueueBytes(mb << 20 / 4)
}

// signals proposes lines on standard output for metrics and logs, and bounds the memory of items that wait.
func signals(mb int) otelx.Option {
	bytes := func(part int) config.ExportOption {
		return config.SetExportIf(mb > 0, func(x *config.Export) { x.QueueBytes = max(mb<<20/part, config.LeastQueueBytes) })
	}
	return otelx.Options(
		config.ForMetrics(config.WithExporters([]string{config.EMF}), bytes(32)),
		config.ForLogs(config.WithExporters([]string{config.Lambda}), bytes(16)),
	)
}

// functionResource returns the resource that the environment describes (OpenTelemetry Semantic Conventions, "FaaS",
// "Cloud" and "AWS Logs" resources; contrib's own Lambda detector gives the memory in MB and is no longer kept).
func functionResource(getenv func(string) string) *resource.Resource {
	attrs := append(make([]attribute.KeyValue, 0, 10), semconv.CloudProviderAWS, semconv.CloudPlatformAWSLambda)
	if mb := memoryMB(getenv); mb > 0 {
		attrs = append(attrs, semconv.FaaSMaxMemory(mb<<20))
	}
	for _, a := range []struct {
		key  string
		attr func(string) attribute.KeyValue
	}{
		{"AWS_LAMBDA_FUNCTION_NAME", semconv.ServiceName},
		{"AWS_LAMBDA_FUNCTION_NAME", semconv.FaaSName},
		{"AWS_LAMBDA_FUNCTION_VERSION", semconv.FaaSVersion},
		{"AWS_LAMBDA_LOG_STREAM_NAME", semconv.FaaSInstance},
		{"AWS_REGION", semconv.CloudRegion},
		{"AWS_LAMBDA_LOG_GROUP_NAME", one(semconv.AWSLogGroupNames)},
		{"AWS_LAMBDA_LOG_STREAM_NAME", one(semconv.AWSLogStreamNames)},
	} {
		if v := getenv(a.key); v != "" {
			attrs = append(attrs, a.attr(v))
		}
	}
	return resource.NewWithAttributes(semconv.SchemaURL, attrs...)
}

// one adapts an attribute that is a list to a single value.
func one(attr func(...string) attribute.KeyValue) func(string) attribute.KeyValue {
	return func(v string) attribute.KeyValue { return attr(v) }
}
