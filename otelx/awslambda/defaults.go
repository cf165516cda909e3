package awslambda

import (
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/xray"
)

const (
	spansPerMB = 16
	minQueue   = 2048
	maxQueue   = 65536
	batchSize  = 2048
)

// Defaults proposes settings for the Lambda function that the environment describes, and nothing but names for
// propagators where AWS_LAMBDA_FUNCTION_NAME is not set. Whatever the user sets beats it, be it an option or an OTEL_*
// variable.
//
//   - Resource: cloud.provider, cloud.platform, cloud.region, faas.name, faas.version, faas.instance (the log stream),
//     faas.max_memory in bytes, aws.log.group.names, aws.log.stream.names, and service.name, which is the function's
//     name. What a variable does not say is left out. cloud.account.id and cloud.resource_id are not known before the
//     first invocation; the handler sets them on its spans.
//   - Queue: 16 spans for each MB of AWS_LAMBDA_FUNCTION_MEMORY_SIZE, at least 2,048 and at most 65,536: full of large
//     spans (4 KB each) it takes a sixteenth of the memory. The specification's bound for services is 2,048.
//   - Batch: 2,048 spans a request instead of 512, so that what a function has pending at its end leaves in few round
//     trips.
//   - X-Ray: where no OTLP endpoint for traces is set, neither by option nor by variable, spans go by UDP to the X-Ray
//     daemon at AWS_XRAY_DAEMON_ADDRESS ([xray.UDP]); where the endpoint is X-Ray's, requests are signed with the
//     function's credentials and kept within its limits ([xray.AutoConfigure]). An endpoint that is bad counts as none. With
//     no such variable, or one that is no address, spans go to OTLP's default endpoint.
//
// Propagators are otelx's own default, tracecontext and baggage; OTEL_PROPAGATORS may also name xray and xray-lambda
// ([xray.Propagator], [xray.LambdaPropagator]), in and outside Lambda. docs/propagation.md says when. The export by timer is
// the agent's to switch off.
//
// Environment: AWS_XRAY_DAEMON_ADDRESS, AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_VERSION, AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
// AWS_LAMBDA_LOG_GROUP_NAME, AWS_LAMBDA_LOG_STREAM_NAME, AWS_REGION. They are the platform's; one that does not parse
// is ignored, but for AWS_XRAY_DAEMON_ADDRESS, where it is an error.
func Defaults() otelx.Option {
	return otelx.Options(propagators(), otelx.FromEnv(func(getenv func(string) string) otelx.Option {
		if getenv("AWS_LAMBDA_FUNCTION_NAME") == "" {
			return nil
		}
		return otelx.Fallback(
			otelx.WithResource(functionResource(getenv)),
			otelx.WithMaxQueueSize(queueSize(memoryMB(getenv))),
			otelx.WithMaxExportBatchSize(batchSize),
			daemon(getenv),
			xray.AutoConfigure(),
		)
	}))
}

// propagators makes X-Ray's selectable; it selects none.
func propagators() otelx.Option {
	return otelx.Options(
		otelx.WithNamedPropagator("xray", xray.Propagator{}),
		otelx.WithNamedPropagator("xray-lambda", xray.LambdaPropagator{}),
	)
}

// daemon sends spans to the X-Ray daemon if there is one and no endpoint.
func daemon(getenv func(string) string) otelx.Option {
	return otelx.FromEndpoint(func(endpoint *url.URL) otelx.Option {
		if endpoint != nil || strings.TrimSpace(getenv("AWS_XRAY_DAEMON_ADDRESS")) == "" {
			return nil
		}
		return xray.UDP("")
	})
}

// memoryMB returns the function's memory, 0 if it is not known.
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

// functionResource says what the environment tells about the function (OpenTelemetry Semantic Conventions, "FaaS",
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

// one makes a list of one of an attribute that is a list.
func one(attr func(...string) attribute.KeyValue) func(string) attribute.KeyValue {
	return func(v string) attribute.KeyValue { return attr(v) }
}
