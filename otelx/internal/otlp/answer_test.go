package otlp

import (
	"net/http"
	"testing"
	"time"
)

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                               0,
		"0":                              0,
		"1":                              time.Second,
		"120":                            2 * time.Minute,
		"999999999":                      maxRetryAfter,
		"99999999999999999999":           0,
		"-1":                             0,
		"1.5":                            0,
		"soon":                           0,
		"Sun, 22 Nov 2026 12:00:30 GMT":  30 * time.Second,
		"Sun, 22 Nov 2026 11:00:00 GMT":  0,
		"Sun, 22 Nov 2099 12:00:00 GMT":  maxRetryAfter,
		"Sunday, 22-Nov-26 12:00:05 GMT": 5 * time.Second,
		"Sun Nov 22 12:00:07 2026":       7 * time.Second,
	}
	for value, want := range tests {
		if got := parseRetryAfter(value, now); got != want {
			t.Errorf("parseRetryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Sun, 22 Nov 2026 12:00:30 GMT")
	f.Add("-0")
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if got := parseRetryAfter(value, now); got < 0 || got > maxRetryAfter {
			t.Errorf("parseRetryAfter(%q) = %v", value, got)
		}
	})
}

func TestIsProtobuf(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "application/x-protobuf": true, "application/x-protobuf; charset=binary": true, "Application/X-Protobuf": true,
		"application/json": false, "text/html; charset=utf-8": false, ";": false,
	} {
		if got := isProtobuf(http.Header{"Content-Type": {value}}); got != want {
			t.Errorf("isProtobuf(%q) = %t", value, got)
		}
	}
}
