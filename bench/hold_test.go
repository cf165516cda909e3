package main

import (
	"strings"
	"testing"
	"time"
)

func TestHoldsTable(t *testing.T) {
	h := newHolds(&bench{plan: plan{spans: []int{100}, roundTrips: []time.Duration{time.Millisecond}}})
	none, some := h.rows[0], h.rows[1]
	none.next, none.runtime = []float64{0.3, 0.1, 0.2}, []float64{0.1}
	some.next, some.runtime, some.trip = []float64{1.75}, []float64{0.25}, []float64{1.25}
	var out strings.Builder
	h.write(&out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range map[int]string{2: "nothing sampled 0.20 ms 0.10 ms – –", 3: "100 spans, 1 ms 1.75 ms 0.25 ms 1.25 ms 0.50 ms"} {
		if got := strings.Join(strings.Fields(strings.ReplaceAll(lines[i], "|", " ")), " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
