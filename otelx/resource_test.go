package otelx_test

import (
	"os"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/otelx"
)

func TestResource(t *testing.T) {
	defaults := otelx.Fallback(otelx.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "default"), attribute.String("a", "default"), attribute.String("d", "default"))))
	option := otelx.WithResource(resource.NewSchemaless(attribute.String("b", "option"), attribute.String("c", "option")))
	for _, c := range []struct {
		name string
		opts []otelx.Option
		want map[string]string
	}{
		{"built in", []otelx.Option{environ()}, map[string]string{"telemetry.sdk.language": "go", "telemetry.sdk.name": "opentelemetry"}},
		{"default", []otelx.Option{environ(), defaults}, map[string]string{"service.name": "default"}},
		{
			"environment beats default",
			[]otelx.Option{environ("OTEL_RESOURCE_ATTRIBUTES=service.name=env, a=%41b%2C"), defaults},
			map[string]string{"service.name": "env", "a": "Ab,", "d": "default"},
		},
		{
			"service name beats attributes",
			[]otelx.Option{environ("OTEL_RESOURCE_ATTRIBUTES=service.name=env", "OTEL_SERVICE_NAME=name"), defaults},
			map[string]string{"service.name": "name"},
		},
		{
			"option beats environment",
			[]otelx.Option{option, environ("OTEL_RESOURCE_ATTRIBUTES=b=env,a=env"), defaults},
			map[string]string{"a": "env", "b": "option", "c": "option", "d": "default"},
		},
		{
			"options add up",
			[]otelx.Option{environ(), option, otelx.WithResource(resource.NewSchemaless(attribute.String("c", "later")))},
			map[string]string{"b": "option", "c": "later"},
		},
	} {
		stub, err := exported(t, c.opts...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for k, want := range c.want {
			if v, _ := stub.Resource.Set().Value(attribute.Key(k)); v.AsString() != want {
				t.Errorf("%s: %s = %q, want %q", c.name, k, v.AsString(), want)
			}
		}
	}
	stub, _ := exported(t, environ())
	if v, _ := stub.Resource.Set().Value("service.name"); !strings.HasPrefix(v.AsString(), "unknown_service:") {
		t.Errorf("service.name = %q", v.AsString())
	}
}

// The SDK reads the process's variable too: the error about a bad entry must be true of both readings.
func TestBadResourceAttributes(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "a=50%,b,c=d%20e")
	otelerr.Discard(t) // it hears of them from the SDK
	for _, opts := range [][]otelx.Option{nil, {environ("OTEL_RESOURCE_ATTRIBUTES=" + os.Getenv("OTEL_RESOURCE_ATTRIBUTES"))}} {
		stub, err := exported(t, opts...)
		for k, want := range map[attribute.Key]string{"a": "50%", "b": "", "c": "d e"} {
			if v, _ := stub.Resource.Set().Value(k); v.AsString() != want {
				t.Errorf("%s = %q, want %q", k, v.AsString(), want)
			}
		}
		if err == nil || !strings.Contains(err.Error(), `"a=50%" is not percent-encoded (write %25 for %)`) ||
			!strings.Contains(err.Error(), `"b" has no =`) {
			t.Errorf("error %v", err)
		}
	}
}

func TestResourcesOfDifferentSchemasAreMerged(t *testing.T) {
	stub, err := exported(t, environ(), otelx.WithResource(resource.NewWithAttributes("https://example.com/schema", attribute.String("a", "b"))))
	if err != nil {
		t.Error(err)
	}
	if v, _ := stub.Resource.Set().Value("a"); v.AsString() != "b" || stub.Resource.SchemaURL() != "" {
		t.Errorf("resource %v with schema %q", stub.Resource, stub.Resource.SchemaURL())
	}
}

// Resource returns the resource of the spans.
func TestSDKResource(t *testing.T) {
	s, err := newSDK(t, environ("OTEL_SERVICE_NAME=orders"))
	if v, _ := s.Resource().Set().Value("service.name"); err != nil || v.AsString() != "orders" {
		t.Errorf("service.name %q, %v", v.AsString(), err)
	}
	disabled, err := newSDK(t, environ("OTEL_SDK_DISABLED=true"))
	if err != nil || disabled.Resource() == nil || disabled.Resource().Len() != 0 {
		t.Errorf("disabled: %v, %v", disabled.Resource(), err)
	}
}
