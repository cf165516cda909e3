//go:build unix

package traces_test

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// BenchmarkCPU measures the CPU time of a span in the whole process, without the SDK and the export: the callers of
// OnStart and OnEnd, the flush, and the goroutine of the SDK's batch processor.
func BenchmarkCPU(b *testing.B) {
	started, ended := benchSpans()
	for name, make := range implementations {
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

// cpuTime is the CPU time that this process has used.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
