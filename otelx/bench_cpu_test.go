//go:build unix

package otelx

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// BenchmarkCPU is what a span costs the process beside the SDK and the export, wherever and whenever that is: the
// callers of OnStart and OnEnd, the goroutine that the batch processor hands spans to, and the flush, in which we do
// what those leave undone.
func BenchmarkCPU(b *testing.B) {
	started, ended := benchSpans(1000)
	for name, make := range processors() {
		b.Run(name, func(b *testing.B) {
			p := make(new(counter))
			n, before := 0, cpuTime(b)
			for b.Loop() {
				for i := range ended {
					p.OnStart(context.Background(), started[i])
					p.OnEnd(ended[i])
				}
				_ = p.ForceFlush(context.Background())
				n += len(ended)
			}
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(n), "cpu-ns/span")
			_ = p.Shutdown(context.Background())
		})
	}
}

// cpuTime is the processor time that this process has used.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
