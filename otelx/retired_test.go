package otelx_test

import (
	"testing"
)

// A variable of an earlier release is not silently ignored.
func TestRetiredVariables(t *testing.T) {
	_, err := newSDK(t, environ("EPILOGUE_LAST_RESORT=stderr", "EPILOGUE_LAST_RESORT_MAX_BYTES=5"))
	const want = "otelx: EPILOGUE_LAST_RESORT is retired and has no effect (set EPILOGUE_SPILL)\n" +
		"EPILOGUE_LAST_RESORT_MAX_BYTES is retired and has no effect (set EPILOGUE_SPILL_MAX_BYTES)"
	if err == nil || err.Error() != want {
		t.Errorf("New: %v, want %s", err, want)
	}
}

// The resource is that of the spans.
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
