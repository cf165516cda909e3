package sdkmetrics

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// processorType is the otel.component.type of the span processor. The convention asks for the name of a type if none of its
// values fits. This one stays the same if the type moves to another package.
const processorType = "github.com/epilogue-go/epilogue/otelx.processor"

// measured counts the SDKs of this process that have metrics. The number makes otel.component.name unique.
var measured atomic.Int64

// component returns the attributes that the convention requires of any component.
func component(kind string, number int64) []attribute.KeyValue {
	name := fmt.Sprintf("%s/%d", kind, number)
	return []attribute.KeyValue{semconv.OTelComponentName(name), semconv.OTelComponentTypeKey.String(kind)}
}

// exporterComponent describes the exporter: ours with its endpoint, another by its type.
func (s Subject) exporterComponent(number int64) []attribute.KeyValue {
	if s.Exporter != nil {
		return component(typeName(s.Exporter), number)
	}
	attrs := component(semconv.OTelComponentTypeOtlpHTTPSpanExporter.Value.AsString(), number)
	return append(attrs, semconv.ServerAddress(s.Endpoint.Hostname()), semconv.ServerPort(port(s.Endpoint)))
}

// port returns the endpoint's port, or the default port of its scheme.
func port(endpoint *url.URL) int {
	if n, err := strconv.Atoi(endpoint.Port()); err == nil {
		return n
	}
	if strings.EqualFold(endpoint.Scheme, "https") {
		return 443
	}
	return 80
}

// typeName returns the name of v's type with its package path.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() + "." + t.Name()
}
