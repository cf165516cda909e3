package otelx_test

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// A half-full queue is exported without a call, background export or not.
func TestContractHalfFullQueueIsExported(t *testing.T) {
	for _, on := range []bool{false, true} {
		contract(t, func(f *fixture) {
			f.sdk.SetBackgroundExport(on)
			for range 31 {
				f.end("a")
			}
			f.wantRequests(0)
			f.end("a")
			synctest.Wait()
			f.wantCounts(spanCounts{ended: 32, exported: 32})
		}, withQueue(64, 64))
	}
}

// With background export off nothing runs: no goroutine, and no request however long the process lives.
func TestContractBackgroundExportOff(t *testing.T) {
	contract(t, func(f *fixture) {
		before := runtime.NumGoroutine()
		f.end("a", "b")
		f.sdk.SetBackgroundExport(true)
		f.end("c")
		f.sdk.SetBackgroundExport(false)
		time.Sleep(24 * time.Hour)
		f.wantRequests(0)
		if n := runtime.NumGoroutine(); n > before {
			f.Errorf("%d goroutines, %d before the first span", n, before)
		}
		f.sdk.SetBackgroundExport(true)
		time.Sleep(5 * time.Second)
		f.wantDelivered("a b c")
	})
}

// The delay counts from the first span in an empty queue.
func TestContractBackgroundExportAfterTheDelay(t *testing.T) {
	contract(t, func(f *fixture) {
		f.sdk.SetBackgroundExport(true)
		time.Sleep(time.Hour)
		f.end("a")
		time.Sleep(999 * ms)
		f.wantRequests(0)
		f.end("b")
		time.Sleep(ms)
		f.wantDelivered("a b")
		f.end("c")
		time.Sleep(900 * ms)
		f.mustFlush(time.Second, 0)
		f.end("d") // a flush in between starts the delay anew
		time.Sleep(999 * ms)
		f.wantDelivered("a b c")
		time.Sleep(ms)
		f.wantDelivered("a b c d")
	}, environ("OTEL_BSP_SCHEDULE_DELAY=1000"))
}

// Background export goes on during an outage, with pauses of at most a minute, and reports it once a minute at most.
func TestContractBackgroundExportDuringAnOutage(t *testing.T) {
	contract(t, func(f *fixture) {
		reported := otelerr.Collect(f.T)
		f.fails(otlpreceiver.Fault{Status: 503})
		f.sdk.SetBackgroundExport(true)
		f.end("a")
		time.Sleep(10 * time.Minute)
		if n, _ := f.requests(); n < 10 || n > 100 {
			f.Errorf("%d requests in ten minutes", n)
		}
		if got := reported(); len(got) < 2 || len(got) > 11 || !strings.Contains(got[0], "503") {
			f.Errorf("%d reports in ten minutes, the first %q", len(got), got[:min(len(got), 1)])
		}
		f.works()
		time.Sleep(time.Minute + time.Second)
		f.wantCounts(spanCounts{ended: 1, exported: 1})
	}, environ("OTEL_BSP_SCHEDULE_DELAY=1000"))
}
