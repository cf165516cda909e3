package otlphttp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                               0,
		"0":                              0,
		"1":                              time.Second,
		"120":                            2 * time.Minute,
		"999999999":                      maxRetryAfter,
		"4294967296":                     maxRetryAfter, // beyond 32 bits
		"99999999999999999999":           maxRetryAfter,
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

// Classify is asked only about refusals that OTLP counts as final. A Classify that panics hides nothing: a panic about
// a request that was only too large once had its spans dropped.
func TestClassify(t *testing.T) {
	type classify = func(int, string) (string, bool)
	for name, test := range map[string]struct {
		status   int
		classify classify
		outcome  delivery.Outcome
		hint     string
	}{
		"a refusal":           {400, func(status int, said string) (string, bool) { return fmt.Sprintf("%d %s", status, said), false }, delivery.Refused, "400 key [redacted]"},
		"one that passes":     {403, func(int, string) (string, bool) { return "wait", true }, delivery.Retryable, "wait"},
		"nothing known":       {400, func(int, string) (string, bool) { return "", false }, delivery.Refused, ""},
		"a panic":             {403, func(int, string) (string, bool) { panic("no") }, delivery.Refused, ""},
		"too large":           {413, func(int, string) (string, bool) { panic("not to be asked") }, delivery.TooLarge, ""},
		"retryable by itself": {503, func(int, string) (string, bool) { panic("not to be asked") }, delivery.Retryable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, config{Classify: test.classify, Headers: map[string]string{"api-key": "s3cret"}},
				respond(test.status, "text/plain", []byte("key s3cret"), "Retry-After", "7"))
			want := delivery.Result{Outcome: test.outcome, Hint: test.hint, HintKey: test.hint, Answered: true, Status: test.status}
			if test.outcome == delivery.Retryable {
				want.RetryAfter = 7 * time.Second
			}
			got, err := b.sender.Send(t.Context(), []byte("spans"))
			if got != want || err == nil || !strings.HasSuffix(err.Error(), ": key [redacted]") {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		})
	}
}
