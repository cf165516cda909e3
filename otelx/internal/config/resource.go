package config

import (
	"os"
	"path/filepath"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

const (
	resourceAttributesKey = "OTEL_RESOURCE_ATTRIBUTES"
	serviceNameKey        = "OTEL_SERVICE_NAME"
)

// resource merges the SDK's own attributes, the preset, the environment and options. The later ones win.
func (r *resolver) resource() *resource.Resource {
	given := []*resource.Resource{r.preset.Resource, readResource(r.env), r.options.Resource}
	own := []attribute.KeyValue{
		semconv.TelemetrySDKName("opentelemetry"),
		semconv.TelemetrySDKLanguageGo,
		semconv.TelemetrySDKVersion(sdk.Version()),
	}
	if !slices.ContainsFunc(given, hasServiceName) {
		own = append(own, semconv.ServiceName("unknown_service:"+executable()))
	}
	merged := resource.NewWithAttributes(semconv.SchemaURL, own...)
	for _, g := range given {
		merged = MergeResources(merged, g)
	}
	return merged
}

func hasServiceName(r *resource.Resource) bool { return r.Set().HasValue(semconv.ServiceNameKey) }

func executable() string {
	path, err := os.Executable()
	if err != nil {
		return "go"
	}
	return filepath.Base(path)
}

// MergeResources returns the attributes of a and b; b wins. If the schema URLs differ, the result has none. A resource may be nil.
func MergeResources(a, b *resource.Resource) *resource.Resource {
	r, err := resource.Merge(a, b)
	if err != nil && r == nil {
		return a
	}
	return r
}

// readResource reads OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME, which replaces service.name of the former; nil if both
// are unset.
func readResource(env *otelenv.Reader) *resource.Resource {
	var attrs []attribute.KeyValue
	for _, pair := range env.Attributes(resourceAttributesKey) {
		attrs = append(attrs, attribute.String(pair.Key, pair.Value))
	}
	if _, name := env.Lookup(serviceNameKey); name != "" {
		attrs = append(attrs, semconv.ServiceName(name))
	}
	if attrs == nil {
		return nil
	}
	return resource.NewSchemaless(attrs...)
}
