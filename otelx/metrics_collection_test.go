package otelx_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/otelx"
)

// observe registers a gauge whose callback calls call first.
func (f *fixture) observe(name string, call func()) {
	f.Helper()
	callback := func(_ context.Context, o metric.Int64Observer) error {
		call()
		o.Observe(1)
		return nil
	}
	if _, err := meter(f.sdk).Int64ObservableGauge(name, metric.WithInt64Callback(callback)); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) wantSortedValues(want string) {
	f.Helper()
	got := strings.Fields(f.values())
	slices.Sort(got)
	if text := strings.Join(got, " "); text != want {
		f.Errorf("data points %q, want %q", text, want)
	}
}

// A callback that hangs costs one flush half of its time, is reported once, and delays neither spans nor later flushes. Every
// ForceFlush says that it has no metrics.
func TestCallbackThatHangs(t *testing.T) {
	reports := otelerr.Collect(t)
	contract(t, func(f *fixture) {
		counter(f.sdk, "orders")(1)
		release := make(chan struct{})
		f.observe("slow", func() { <-release })
		for i := range 3 {
			f.end("a")
			o := f.flush(time.Second)
			if o.err == nil || !strings.Contains(o.err.Error(), "collect metrics: not complete") {
				f.Errorf("flush %d: %v", i+1, o.err)
			}
			if most := time.Second / 2; o.took > most || i > 0 && o.took > 100*ms {
				f.Errorf("flush %d took %v", i+1, o.took)
			}
			time.Sleep(time.Second)
		}
		f.end("a")
		if o := f.invocationEnds(); o.err != nil || o.took > 100*ms {
			f.Errorf("the end of an invocation: %v after %v", o.err, o.took)
		}
		f.wantDelivered("a a a a")
		if n, _ := f.sdk.Pending(); n != 0 {
			f.Errorf("%d items are pending", n)
		}
		if got := reports(); len(got) != 1 || !strings.Contains(got[0], "has not returned within 1.5s; no metrics are collected until it does") {
			f.Errorf("reported %q", got)
		}
		close(release)
		synctest.Wait()
		f.mustFlush(time.Second, 100*ms)
		if got := f.values(); !strings.HasPrefix(got, "orders=1") {
			f.Errorf("data points %q after the callback has returned", got)
		}
		time.Sleep(time.Minute)
		if n, _ := f.sdk.Pending(); n != 1 {
			f.Errorf("%d items are pending, want the collection that is due", n)
		}
	}, withMetrics())
}

// Shutdown waits for half of its time for a collection that is longer than its flush.
func TestShutdownWaitsForACollection(t *testing.T) {
	reports := otelerr.Collect(t)
	contract(t, func(f *fixture) {
		counter(f.sdk, "orders")(1)
		f.observe("slow", func() { time.Sleep(600 * ms) })
		f.sdk.SetExitDeadline(time.Now().Add(2 * time.Second))
		if o := f.flush(time.Second); o.err == nil || o.took > 600*ms {
			f.Errorf("ForceFlush: %v after %v, want an error after half a second", o.err, o.took)
		}
		if o := f.shutdown(1500 * ms); o.err != nil || o.took > 200*ms {
			f.Errorf("Shutdown: %v after %v", o.err, o.took)
		}
		f.wantSortedValues("orders=1 slow=1")
		if st := f.sdk.Stats().Metrics; st.Exported != 2 || st.Dropped.Total() != 0 {
			f.Errorf("Stats %+v", st)
		}
	}, withMetrics())
	contract(t, func(f *fixture) {
		counter(f.sdk, "orders")(1)
		release := make(chan struct{})
		defer close(release)
		f.observe("hangs", func() { <-release })
		_ = f.flush(time.Second)
		f.end("a")
		if o := f.shutdown(time.Second); o.err == nil || o.took > 600*ms {
			f.Errorf("Shutdown: %v after %v, want an error after half a second", o.err, o.took)
		}
		f.wantDelivered("a")
	}, withMetrics())
	if got := reports(); len(got) > 1 { // that of the callback that hangs, at Shutdown
		t.Errorf("reported %q", got)
	}
}

// A collection without a result is an error, and the next flush tries again, also if its interval has not passed.
func TestCollectionThatFails(t *testing.T) {
	contract(t, func(f *fixture) {
		counter(f.sdk, "orders")(1)
		fails := true
		f.observe("once", func() {
			if fails {
				runtime.Goexit()
			}
		})
		for name, call := range map[string]func() outcome{"Flush": f.invocationEnds, "ForceFlush": func() outcome { return f.flush(time.Second) }} {
			if o := call(); o.err == nil || !strings.Contains(o.err.Error(), "collect metrics: ended its goroutine") {
				f.Errorf("%s: %v", name, o.err)
			}
		}
		fails = false
		if o := f.invocationEnds(); o.err != nil {
			f.Error(o.err)
		}
		f.wantSortedValues("once=1 orders=1")
		fails = true
		if o := f.shutdown(time.Second); o.err == nil {
			f.Error("Shutdown returned nil without the last metrics")
		}
	}, withMetrics())
}

// The background tries again after an interval, not at once.
func TestCollectionThatFailsInTheBackground(t *testing.T) {
	reports := otelerr.Collect(t)
	contract(t, func(f *fixture) {
		calls := 0
		f.observe("exits", func() { calls++; runtime.Goexit() })
		f.sdk.SetBackgroundExport(true)
		time.Sleep(10*time.Minute + time.Second)
		if got := reports(); calls != 10 || len(got) == 0 {
			f.Errorf("%d calls in ten intervals, reported %q", calls, got)
		}
	}, withMetrics())
}

// Flushes without time, and a callback that a later flush finds complete, are no reason to report a callback.
func TestNoReportOfCallbacksThatReturn(t *testing.T) {
	reports := otelerr.Collect(t)
	contract(t, func(f *fixture) {
		f.observe("slow", func() { time.Sleep(700 * ms) })
		_ = f.flush(time.Second)
		_ = f.flush(100 * ms)
		time.Sleep(time.Second)
		f.wantValues("")
		if o := f.invocationEnds(); o.err != nil {
			f.Error(o.err)
		}
		f.wantValues("slow=1")
	}, withMetrics())
	s, err := newSDK(t, environ("OTEL_TRACES_EXPORTER=none"), withMetrics())
	if err != nil {
		t.Fatal(err)
	}
	counter(s, "orders")(1)
	var flushes sync.WaitGroup
	for i := range 200 {
		flushes.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%30)*ms)
			defer cancel()
			_ = s.ForceFlush(ctx)
		})
	}
	flushes.Wait()
	for _, text := range reports() {
		if strings.Contains(text, "return") {
			t.Errorf("reported %q", text)
		}
	}
}

// A callback that panics loses its own data alone, whatever its instrument is. Each panic is reported with the instrument.
func TestCallbacksThatPanic(t *testing.T) {
	reports := otelerr.Collect(t)
	contract(t, func(f *fixture) {
		counter(f.sdk, "orders")(1)
		m := meter(f.sdk)
		badInt := metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error { panic("int") })
		badFloat := metric.WithFloat64Callback(func(context.Context, metric.Float64Observer) error { panic("float") })
		_, err1 := m.Int64ObservableCounter("a", badInt, metric.WithUnit("s"))
		_, err2 := m.Int64ObservableUpDownCounter("b", badInt)
		_, err3 := m.Int64ObservableGauge("c", badInt)
		_, err4 := m.Float64ObservableCounter("d", badFloat)
		_, err5 := m.Float64ObservableUpDownCounter("e", badFloat)
		_, err6 := m.Float64ObservableGauge("f", badFloat)
		registered, err7 := m.Int64ObservableGauge("registered", metric.WithDescription("several callbacks"))
		_, err8 := m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
			o.ObserveInt64(registered, 5)
			panic("registered")
		}, registered)
		f.observe("well", func() {})
		if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil {
			f.Fatal(err)
		}
		f.mustFlush(time.Second, 100*ms)
		f.wantSortedValues("orders=1 registered=5 well=1")
		text := strings.Join(reports(), "\n")
		for _, want := range []string{"a: panicked: int", "b: ", "c: ", "d: panicked: float", "e: ", "f: ", "callback: panicked: registered"} {
			if strings.Count(text, want) != 1 {
				f.Errorf("reported %q, want %q once", text, want)
			}
		}
	}, withMetrics())
}

// ForceFlush and Shutdown of the meter provider reach the whole SDK, with every exporter.
func TestMeterProviderReachesTheSDK(t *testing.T) {
	for _, exporters := range [][]string{{"otlp"}, {"emf"}, {"otlp", "emf"}} {
		contract(t, func(f *fixture) {
			stdout(f.T, func() {
				f.open(withMetrics(otelx.WithExporters(exporters...)))
				provider, ok := f.sdk.MeterProvider().(interface {
					ForceFlush(ctx context.Context) error
					Shutdown(ctx context.Context) error
				})
				if !ok {
					f.Fatalf("%T", f.sdk.MeterProvider())
				}
				f.end("a")
				if err := provider.ForceFlush(f.Context()); err != nil {
					f.Error(err)
				}
				f.wantDelivered("a")
				if err := provider.Shutdown(f.Context()); err != nil {
					f.Error(err)
				}
				f.end("late")
				if got := f.sdk.Stats().Dropped.AfterShutdown; got != 1 {
					f.Errorf("%v: %d spans ended after Shutdown", exporters, got)
				}
			})
		})
	}
}

// A list without names, and none, make EMF without dimensions.
func TestEMFWithoutDimensions(t *testing.T) {
	for name, opts := range map[string][]otelx.Option{
		"option": {otelx.WithMetrics(otelx.WithExporters("emf"), otelx.WithEMFDimensions())},
		"commas": {otelx.WithMetrics(), environ("OTEL_METRICS_EXPORTER=emf", "EPILOGUE_EMF_DIMENSIONS=,,")},
		"none":   {otelx.WithMetrics(), environ("OTEL_METRICS_EXPORTER=emf", "EPILOGUE_EMF_DIMENSIONS=none")},
	} {
		contract(t, func(f *fixture) {
			lines := stdout(f.T, func() {
				f.open(opts...)
				counter(f.sdk, "orders", metric.WithAttributes(attribute.String("kind", "a")))(1)
				f.mustFlush(time.Second, 100*ms)
			})
			if len(lines) != 1 || !strings.Contains(lines[0], `"Dimensions":[[]]`) {
				f.Errorf("%s: %q", name, lines)
			}
		})
	}
}
