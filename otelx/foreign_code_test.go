package otelx_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// badProvider is a meter provider with a defect in one of its methods, or in those of its meters and instruments.
type badProvider struct {
	noop.MeterProvider
	meter, histogram, record func() // nil: no defect
	callback                 error  // of RegisterCallback
	recordsIn                func(context.Context)
}

type badMeter struct {
	noop.Meter
	*badProvider
}

type badHistogram struct {
	noop.Float64Histogram
	*badProvider
}

func call(f func()) {
	if f != nil {
		f()
	}
}

func (p *badProvider) Meter(string, ...metric.MeterOption) metric.Meter {
	call(p.meter)
	return badMeter{badProvider: p}
}

func (m badMeter) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	call(m.histogram)
	return badHistogram{badProvider: m.badProvider}, nil
}

func (m badMeter) RegisterCallback(metric.Callback, ...metric.Observable) (metric.Registration, error) {
	return noop.Registration{}, m.callback
}

func (h badHistogram) Record(ctx context.Context, _ float64, _ ...metric.RecordOption) {
	call(h.record)
	if h.recordsIn != nil {
		h.recordsIn(ctx)
	}
}

// A meter provider that cannot make instruments is an error of New. The SDK works without metrics.
func TestMeterProviderThatFailsInNew(t *testing.T) {
	var release chan struct{}
	for name, c := range map[string]struct {
		provider *badProvider
		want     string
	}{
		"panics": {
			&badProvider{meter: func() { panic("boom") }},
			"WithMeterProvider: the meter provider panicked: boom; there are no metrics",
		},
		"blocks": {
			&badProvider{histogram: func() { <-release }},
			"WithMeterProvider: the meter provider did not return within 100ms; there are no metrics",
		},
		"ends its goroutine": {
			&badProvider{histogram: runtime.Goexit},
			"WithMeterProvider: the meter provider ended its goroutine; there are no metrics",
		},
		"returns an error": {
			&badProvider{callback: errors.New("too many")}, "WithMeterProvider: too many; there are no metrics",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release = make(chan struct{})
				defer close(release)
				begin := time.Now()
				s, err := newSDK(t, environ(), otelx.WithMeterProvider(c.provider), otelx.WithExporter(nullExporter{}))
				if err == nil || !strings.Contains(err.Error(), c.want) || time.Since(begin) > 100*ms {
					t.Errorf("New: %v after %v, want %s", err, time.Since(begin), c.want)
				}
				span(s, "a")
				if err := s.Shutdown(t.Context()); err != nil || s.Stats().Exported != 1 {
					t.Errorf("Shutdown: %v, %+v", err, s.Stats())
				}
			})
		})
	}
}

// A meter provider that panics when it records costs no span and no time. It is reported once.
func TestMeterProviderThatFailsLater(t *testing.T) {
	errs := otelerr.Collect(t)
	var calls atomic.Int64
	p := &badProvider{record: func() { calls.Add(1); panic("boom") }}
	contract(t, func(f *fixture) {
		for range 10 {
			f.end("a")
			f.mustFlush(time.Second, 0)
		}
		f.wantCounts(spanCounts{ended: 10, exported: 10})
		if n := calls.Load(); n != 20 {
			f.Errorf("%d calls of the provider, want one for each flush and each attempt", n)
		}
	}, otelx.WithMeterProvider(p))
	const want = "the meter provider panicked: boom"
	if got := errs(); len(got) != 1 || !strings.Contains(got[0], want) {
		t.Errorf("otel.Handle got %q, want %q once", got, want)
	}
}

// A flush whose time is over is recorded with a context that has not ended: a meter provider may leave out measurements
// with one that has.
func TestMeasurementOfAFlushThatTimedOut(t *testing.T) {
	var records, ended atomic.Int64
	p := &badProvider{recordsIn: func(ctx context.Context) {
		records.Add(1)
		if ctx.Err() != nil {
			ended.Add(1)
		}
	}}
	contract(t, func(f *fixture) {
		f.fails(otlpreceiver.Fault{Delay: time.Minute})
		f.end("a")
		_ = f.flush(50 * ms)
		synctest.Wait()
		if n := ended.Load(); records.Load() == 0 || n > 0 {
			f.Errorf("%d of %d measurements came with a context that had ended", n, records.Load())
		}
		f.works()
		f.mustFlush(time.Second, 100*ms)
	}, otelx.WithMeterProvider(p))
}

// An error handler that blocks holds a flush for 100 ms at most. It is not called again until it has returned.
func TestErrorHandlerThatBlocks(t *testing.T) {
	var calls atomic.Int64
	var release chan struct{}
	otelerr.Handle(t, func(error) { calls.Add(1); <-release })
	contract(t, func(f *fixture) {
		release = make(chan struct{})
		f.fails(otlpreceiver.Fault{Message: "soon gone"})
		for range 5 {
			f.end("a")
			f.mustFlush(time.Second, 100*ms)
			time.Sleep(time.Minute) // the next remark is reported again
		}
		if n := calls.Load(); n != 1 {
			f.Errorf("%d calls of the error handler, want one", n)
		}
		close(release)
		synctest.Wait()
		f.end("a")
		f.mustFlush(time.Second, 0)
		if n := calls.Load(); n != 2 {
			f.Errorf("%d calls of the error handler, want another one when it has returned", n)
		}
	}, otelx.WithMeterProvider(&badProvider{record: func() { panic("boom") }})) // which is reported at the end of a flush
}

// An error handler that panics or ends its goroutine does no harm.
func TestErrorHandlerThatFails(t *testing.T) {
	for name, handler := range map[string]func(error){
		"panics": func(error) { panic(errors.New("boom")) }, "ends its goroutine": func(error) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			otelerr.Handle(t, func(err error) { calls.Add(1); handler(err) })
			contract(t, func(f *fixture) {
				f.fails(otlpreceiver.Fault{Message: "soon gone"})
				f.end("a")
				f.mustFlush(time.Second, 0)
				f.wantCounts(spanCounts{ended: 1, exported: 1})
				if calls.Load() != 1 {
					f.Errorf("%d calls of the error handler, want one", calls.Load())
				}
			})
		})
	}
}
