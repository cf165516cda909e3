package handler

import "testing"

func TestPeakMemory(t *testing.T) {
	for status, want := range map[string]int64{
		"Name:\tbootstrap\nVmPeak:\t  999 kB\nVmHWM:\t   12345 kB\nVmRSS:\t  1 kB\n": 12345 << 10,
		"Name:\tVmHWM: 1 kB\n":             0,
		"\nVmHWM:\t-1 kB":                  0,
		"\nVmHWM:\t9223372036854775807 kB": 0,
		"":                                 0,
	} {
		if got := peakOf([]byte(status)); got != want {
			t.Errorf("%q: %d bytes, want %d", status, got, want)
		}
	}
}
