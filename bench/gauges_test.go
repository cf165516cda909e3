package main

import (
	"math"
	"os"
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
