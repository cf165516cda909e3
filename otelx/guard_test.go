package otelx

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/epilogue-go/epilogue/internal/otelerr"
)

// badProvider does harm in one of its methods, or in those of what it makes.
type badProvider struct {
	noop.MeterProvider
	meter, make, record func()
}

type badMeter struct {
	noop.Meter
	*badProvider
}

type badHistogram struct {
	noop.Float64Histogram
	*badProvider
}

func harm(f func()) {
	if f != nil {
		f()
	}
}

func (p *badProvider) Meter(string, ...metric.MeterOption) metric.Meter {
	harm(p.meter)
	return badMeter{badProvider: p}
}

func (m badMeter) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	harm(m.make)
	return badHistogram{badProvider: m.badProvider}, nil
}

func (h badHistogram) Record(context.Context, float64, ...metric.RecordOption) { harm(h.record) }

// A meter provider that can not make instruments is an error of New, and the SDK works without.
func TestMeterProviderThatFailsInNew(t *testing.T) {
	for name, c := range map[string]struct {
		provider func(block func()) *badProvider
		want     string
	}{
		"panics": {func(func()) *badProvider {
			return &badProvider{meter: func() { panic("boom") }}
		}, "WithMeterProvider: the meter provider panicked: boom; there are no metrics"},
		"blocks": {func(block func()) *badProvider {
			return &badProvider{make: block}
		}, "WithMeterProvider: the meter provider did not return within 100ms; there are no metrics"},
		"ends its goroutine": {func(func()) *badProvider {
			return &badProvider{make: runtime.Goexit}
		}, "WithMeterProvider: the meter provider ended its goroutine; there are no metrics"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				released := make(chan struct{})
				defer close(released)
				p := c.provider(func() { <-released })
				s, err := New(context.Background(), WithMeterProvider(p), WithExporter(nullExporter{}))
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("New: %v; want %s", err, c.want)
				}
				end(s, "a")
				if err := s.Shutdown(within(t, time.Second)); err != nil || s.Stats().Exported != 1 {
					t.Errorf("Shutdown: %v; %+v", err, s.Stats())
				}
			})
		})
	}
}

// A meter provider that panics or hangs when it is told something costs a flush no more than the guard's timeout, once,
// and spans nothing.
func TestMeterProviderThatFailsLater(t *testing.T) {
	for name, c := range map[string]struct {
		record func(release chan struct{})
		cost   time.Duration
		says   string
	}{
		"panics": {func(chan struct{}) { panic("boom") }, 0, "the meter provider panicked: boom"},
		"blocks": {func(release chan struct{}) { <-release }, guardTimeout, "the meter provider did not return within 100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			errs := otelerr.Collect(t)
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				p := &badProvider{record: func() { c.record(release) }}
				s := startMeasured(t, &fakeExporter{}, sized{}, p)
				began := time.Now()
				for i := range 10 {
					end(s, strconv.Itoa(i))
					if err := s.ForceFlush(within(t, time.Second)); err != nil {
						t.Error(err)
					}
				}
				if took := time.Since(began); took != c.cost {
					t.Errorf("10 flushes took %s; want %s", took, c.cost)
				}
				close(release)
				synctest.Wait()
				if err := s.processor.metrics.(*metrics).guard.call(func() {}); err != nil {
					t.Errorf("a call after the stuck one has returned: %v", err)
				}
				_ = s.Shutdown(within(t, time.Second))
				wantStats(t, s, Stats{Ended: 10, Exported: 10})
			})
			if got := errs(); len(got) != 1 || !strings.Contains(got[0], c.says) {
				t.Errorf("otel.Handle was told %q; want %q once", got, c.says)
			}
		})
	}
}

// An error handler that blocks holds a flush for the guard's timeout, once. It is not called again until it has returned.
func TestErrorHandlerThatBlocks(t *testing.T) {
	release := make(chan struct{})
	calls := make(chan error, 100)
	otelerr.Handle(t, func(err error) { calls <- err; <-release })
	h := newErrorHandler()
	begun := time.Now()
	for range 20 {
		h.handle(errDown)
	}
	if took := time.Since(begun); len(calls) != 1 || took > 10*guardTimeout {
		t.Errorf("%d calls in %v, want one", len(calls), took)
	}
	close(release)
	for len(calls) < 2 { // the first call returns soon
		h.handle(errDown)
	}
}

// An error handler that panics or ends its goroutine harms nobody.
func TestErrorHandlerThatFails(t *testing.T) {
	for name, handler := range map[string]func(error){
		"panics": func(error) { panic("boom") }, "ends its goroutine": func(error) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			otelerr.Handle(t, handler)
			s := start(&fakeExporter{}, sized{bound: 10, batch: 10})
			s.processor.loop.report.failure(errDown)
			end(s, "a")
			if err := s.Shutdown(within(t, time.Second)); err != nil || s.Stats().Exported != 1 {
				t.Errorf("Shutdown: %v, %+v", err, s.Stats())
			}
		})
	}
}
