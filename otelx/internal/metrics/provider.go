package metrics

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"github.com/epilogue-go/epilogue/internal/bounded"
)

// Flusher is the part of the SDK that a caller of the meter provider reaches.
type Flusher interface {
	ForceFlush(ctx context.Context) error
	Shutdown(ctx context.Context) error
}

// NewProvider returns mp for a program. Its ForceFlush and Shutdown are those of f. A callback that panics costs its own
// instrument alone: the panic is an error of the callback.
func NewProvider(mp metric.MeterProvider, f Flusher) metric.MeterProvider { return provider{mp, f} }

type provider struct {
	metric.MeterProvider
	Flusher
}

func (p provider) Meter(name string, opts ...metric.MeterOption) metric.Meter {
	return meter{p.MeterProvider.Meter(name, opts...)}
}

// meter protects the callbacks of observable instruments.
type meter struct{ metric.Meter }

func (m meter) RegisterCallback(f metric.Callback, instruments ...metric.Observable) (metric.Registration, error) {
	return m.Meter.RegisterCallback(protected("callback", f), instruments...)
}

func (m meter) Int64ObservableCounter(
	name string, opts ...metric.Int64ObservableCounterOption,
) (metric.Int64ObservableCounter, error) {
	type option = metric.Int64ObservableCounterOption
	return m.Meter.Int64ObservableCounter(name, protect(opts, func(o option) (safe []option) {
		config := metric.NewInt64ObservableCounterConfig(o)
		for _, callback := range config.Callbacks() {
			safe = append(safe, metric.WithInt64Callback(protected(name, callback)))
		}
		return safe
	})...)
}

func (m meter) Int64ObservableUpDownCounter(
	name string, opts ...metric.Int64ObservableUpDownCounterOption,
) (metric.Int64ObservableUpDownCounter, error) {
	type option = metric.Int64ObservableUpDownCounterOption
	return m.Meter.Int64ObservableUpDownCounter(name, protect(opts, func(o option) (safe []option) {
		config := metric.NewInt64ObservableUpDownCounterConfig(o)
		for _, callback := range config.Callbacks() {
			safe = append(safe, metric.WithInt64Callback(protected(name, callback)))
		}
		return safe
	})...)
}

func (m meter) Int64ObservableGauge(name string, opts ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	type option = metric.Int64ObservableGaugeOption
	return m.Meter.Int64ObservableGauge(name, protect(opts, func(o option) (safe []option) {
		config := metric.NewInt64ObservableGaugeConfig(o)
		for _, callback := range config.Callbacks() {
			safe = append(safe, metric.WithInt64Callback(protected(name, callback)))
		}
		return safe
	})...)
}

func (m meter) Float64ObservableCounter(
	name string, opts ...metric.Float64ObservableCounterOption,
) (metric.Float64ObservableCounter, error) {
	type option = metric.Float64ObservableCounterOption
	return m.Meter.Float64ObservableCounter(name, protect(opts, func(o option) (safe []option) {
		config := metric.NewFloat64ObservableCounterConfig(o)
		for _, callback := range config.Callbacks() {
			safe = append(safe, metric.WithFloat64Callback(protected(name, callback)))
		}
		return safe
	})...)
}

func (m meter) Float64ObservableUpDownCounter(
	name string, opts ...metric.Float64ObservableUpDownCounterOption,
) (metric.Float64ObservableUpDownCounter, error) {
	type option = metric.Float64ObservableUpDownCounterOption
	return m.Meter.Float64ObservableUpDownCounter(name, protect(opts, func(o option) (safe []option) {
		config := metric.NewFloat64ObservableUpDownCounterConfig(o)
		for _, callback := range config.Callbacks() {
			safe = append(safe, metric.WithFloat64Callback(protected(name, callback)))
		}
		return safe
	})...)
}

func (m meter) Float64ObservableGauge(
	name string, opts ...metric.Float64ObservableGaugeOption,
) (metric.Float64ObservableGauge, error) {
	type option = metric.Float64ObservableGaugeOption
	return m.Meter.Float64ObservableGauge(name, protect(opts, func(o option) (safe []option) {
		config := metric.NewFloat64ObservableGaugeConfig(o)
		for _, callback := range config.Callbacks() {
			safe = append(safe, metric.WithFloat64Callback(protected(name, callback)))
		}
		return safe
	})...)
}

// protect returns opts with those of callbacks replaced. replacement returns the options instead of one; none if it is of no
// callback.
func protect[O any](opts []O, replacement func(O) []O) (all []O) {
	for _, o := range opts {
		if safe := replacement(o); len(safe) > 0 {
			all = append(all, safe...)
			continue
		}
		all = append(all, o)
	}
	return all
}

// protected returns callback with its panic as an error. name is that of the instrument.
func protected[Observer any](name string, callback func(context.Context, Observer) error) func(context.Context, Observer) error {
	return func(ctx context.Context, o Observer) (err error) {
		if panicked := bounded.Protect(func() { err = callback(ctx, o) }); panicked != nil {
			return fmt.Errorf("%s: %w", name, panicked)
		}
		return err
	}
}
