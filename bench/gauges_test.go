package main

import (
	"math"
	"os"
	"strconv"
	"testing"
)

func TestGaugesOfThisProcess(t *testing.T) {
	const files = 100
	for range files {
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
	}
	g, err := readGauges(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if g.resident <= 0 || g.peak < g.resident || g.descriptors < files || g.descriptors > 2*files { // other tests' are few
		t.Errorf("got %+v, with %d files open", g, files)
	}
}

func TestGaugesOfNoProcess(t *testing.T) {
	if g, err := readGauges(math.MaxInt32); err == nil { // above PID_MAX_LIMIT, 4,194,304 (proc(5), pid_max)
		t.Errorf("got %+v and no error", g)
	}
}

func TestKilobytes(t *testing.T) {
	const status = "Name:\tVmRSS: 1 kB\nVmHWM:\t   15300 kB\nVmRSS:\t14980 kB\nThreads:\t7\nVmPin:\t3 pages\n"
	for field, want := range map[string]int{
		"VmHWM": 15300, "VmRSS": 14980,
		"VmSwap": 0, "Threads": 0, "VmPin": 0, // not there, no unit, another unit
	} {
		if got, err := kilobytes(status, field); got != want && want != 0 || (err == nil) != (want != 0) {
			t.Errorf("%s: got %d, %v; want %d", field, got, err, want)
		}
	}
}

func TestSlope(t *testing.T) {
	for name, test := range map[string]struct {
		samples []float64
		want    float64
	}{
		"none":      {nil, 0},
		"one":       {[]float64{7}, 0},
		"flat":      {[]float64{5, 5, 5}, 0},
		"a line":    {[]float64{1, 3, 5, 7}, 2},
		"down":      {[]float64{9, 6, 3}, -3},
		"around it": {[]float64{0, 2, 1, 3}, 0.8},
	} {
		if got := slope(test.samples); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestLoadAverage(t *testing.T) {
	got, err := loadAverage()
	if v, bad := strconv.ParseFloat(got, 64); err != nil || bad != nil || v < 0 {
		t.Errorf("got %q, %v", got, err)
	}
}
