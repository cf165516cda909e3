package otlpreceiver

import (
	"strings"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
)

// Source says where a data point or a log record came from.
type Source struct {
	Resource     map[string]any // the resource's attributes
	Scope        string         // the instrumentation scope's name
	ScopeVersion string

	Arrived time.Time // when it was kept
	Request int       // the number of the request that brought it
}

// Service returns the service.name of the resource, "" if it has none.
func (s Source) Service() string { return service(s.Resource) }

func service(resource map[string]any) string {
	name, _ := resource["service.name"].(string)
	return name
}

func source(resource map[string]any, scope *commonpb.InstrumentationScope) Source {
	return Source{Resource: resource, Scope: scope.GetName(), ScopeVersion: scope.GetVersion()}
}

// word returns "server" for "SPAN_KIND_SERVER".
func word(enum, prefix string) string { return strings.ToLower(strings.TrimPrefix(enum, prefix)) }

// instant is the time of OTLP's nanoseconds since 1970; 0 means none.
func instant(nanos uint64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(int64(nanos/1e9), int64(nanos%1e9)).UTC()
}

func attributes(kvs []*commonpb.KeyValue) map[string]any {
	out := make(map[string]any, len(kvs))
	for _, kv := range kvs {
		out[kv.GetKey()] = plain(kv.GetValue())
	}
	return out
}

// plain is v as a Go value.
func plain(v *commonpb.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return v.DoubleValue
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BytesValue:
		return v.BytesValue
	case *commonpb.AnyValue_ArrayValue:
		items := make([]any, 0, len(v.ArrayValue.GetValues()))
		for _, item := range v.ArrayValue.GetValues() {
			items = append(items, plain(item))
		}
		return items
	case *commonpb.AnyValue_KvlistValue:
		return attributes(v.KvlistValue.GetValues())
	default:
		return nil
	}
}
