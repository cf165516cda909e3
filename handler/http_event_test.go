package handler

import (
	"slices"
	"testing"

	"go.opentelemetry.io/otel/propagation"
)

// TestHeaderCarrier: single headers come before lists, names are found in any case and listed once.
func TestHeaderCarrier(t *testing.T) {
	var c propagation.TextMapCarrier = headerCarrier{
		single: map[string]string{"A": "1", "b": "2"},
		multi:  map[string][]string{"A": {"x", "y"}, "C": {"3", "4"}},
	}
	c.Set("d", "an event is not written to")
	for key, want := range map[string]string{"a": "1", "B": "2", "c": "3,4", "d": ""} {
		if got := c.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if got := slices.Sorted(slices.Values(c.Keys())); !slices.Equal(got, []string{"A", "C", "b"}) {
		t.Errorf("keys %v", got)
	}
}
