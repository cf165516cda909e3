package otelx_test

import "testing"

// A variable of an earlier release has no effect, and New says so.
func TestRetiredVariables(t *testing.T) {
	_, err := newSDK(t, environ("EPILOGUE_LAST_RESORT=stderr", "EPILOGUE_LAST_RESORT_MAX_BYTES=5"))
	const want = "otelx: EPILOGUE_LAST_RESORT is set and ignored: it is now called EPILOGUE_SPILL\n" +
		"EPILOGUE_LAST_RESORT_MAX_BYTES is set and ignored: it is now called EPILOGUE_SPILL_MAX_BYTES"
	if err == nil || err.Error() != want {
		t.Errorf("New: %v, want %s", err, want)
	}
}
