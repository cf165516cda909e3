package otelx

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

const (
	resourceAttributesKey = "OTEL_RESOURCE_ATTRIBUTES"
	serviceNameKey        = "OTEL_SERVICE_NAME"
)

// resolveResource merges, from the weakest on: what the SDK is, fallbacks, the environment, options.
func (c *config) resolveResource(env *environment) *resource.Resource {
	given := []*resource.Resource{c.fallback.resource, env.resource(), c.chosen.resource}
	own := []attribute.KeyValue{
		semconv.TelemetrySDKName("opentelemetry"),
		semconv.TelemetrySDKLanguageGo,
		semconv.TelemetrySDKVersion(sdk.Version()),
	}
	if !slices.ContainsFunc(given, hasServiceName) {
		own = append(own, semconv.ServiceName("unknown_service:"+executable()))
	}
	r := resource.NewWithAttributes(semconv.SchemaURL, own...)
	for _, g := range given {
		r = merge(r, g)
	}
	return r
}

func hasServiceName(r *resource.Resource) bool { return r.Set().HasValue(semconv.ServiceNameKey) }

func executable() string {
	path, err := os.Executable()
	if err != nil {
		return "go"
	}
	return filepath.Base(path)
}

// merge returns the attributes of both, b's where both have one. Where the schema URLs differ the result has none. A
// resource may be nil.
func merge(a, b *resource.Resource) *resource.Resource {
	r, err := resource.Merge(a, b)
	if err != nil && r == nil {
		return a
	}
	return r
}

// resource reads OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME, which beats service.name in the former; nil where they
// say nothing.
func (e *environment) resource() *resource.Resource {
	_, value := e.lookup(resourceAttributesKey)
	attrs, bad := parseAttributes(value)
	for _, err := range bad {
		e.reject(resourceAttributesKey, value, "%v", err)
	}
	if _, name := e.lookup(serviceNameKey); name != "" {
		attrs = append(attrs, semconv.ServiceName(name))
	}
	if attrs == nil {
		return nil
	}
	return resource.NewSchemaless(attrs...)
}

// parseAttributes reads key1=value1,key2=value2 with percent-encoded keys and values (OpenTelemetry Specification,
// "Resource SDK"). Each bad entry is an error. One without a key or a = is left out. A value that is not
// percent-encoded is taken as it is: the SDK's own reading of the variable, which can not be switched off, does that.
func parseAttributes(value string) (attrs []attribute.KeyValue, bad []error) {
	for _, entry := range list(value) {
		k, v, found := strings.Cut(entry, "=")
		if !found {
			bad = append(bad, fmt.Errorf("entry %s has no =; write key=value", quote(entry)))
			continue
		}
		name, err := url.PathUnescape(strings.TrimSpace(k))
		if err != nil || name == "" {
			bad = append(bad, fmt.Errorf("entry %s has no valid key; write key=value, percent-encoded", quote(entry)))
			continue
		}
		v = strings.TrimSpace(v)
		text, err := url.PathUnescape(v)
		if err != nil {
			bad = append(bad, fmt.Errorf("entry %s is not percent-encoded; write %%25 for %%. Its value counts as it is",
				quote(entry)))
			text = v
		}
		attrs = append(attrs, attribute.String(name, text))
	}
	return attrs, bad
}
