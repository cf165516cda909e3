package otelx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// withMetrics switches metrics on, with the backend of contract.
func withMetrics(opts ...otelx.MetricsOption) otelx.Option {
	return otelx.WithMetrics(append([]otelx.MetricsOption{otelx.WithEndpoint("http://collector.test:4318/v1/metrics")}, opts...)...)
}

func meter(s *otelx.SDK) metric.Meter { return s.MeterProvider().Meter("test") }

// counter returns a function that adds to a counter.
func counter(s *otelx.SDK, name string, opts ...metric.AddOption) func(n int64) {
	c, err := meter(s).Int64Counter(name)
	if err != nil {
		panic(err)
	}
	return func(n int64) { c.Add(context.Background(), n, opts...) }
}

// values returns name=value of the points that have arrived since the last call, in their order.
func (f *fixture) values() string {
	synctest.Wait()
	var all []string
	for _, p := range f.backend.DrainDataPoints() {
		all = append(all, fmt.Sprintf("%s=%v", p.Name, p.Value))
	}
	return strings.Join(all, " ")
}

func (f *fixture) wantValues(want string) {
	f.Helper()
	if got := f.values(); got != want {
		f.Errorf("data points %q, want %q", got, want)
	}
}

// invocationEnds is the flush of the agent at the end of an invocation.
func (f *fixture) invocationEnds() outcome { return f.within(time.Second, f.sdk.Flush) }

func TestMetricsArrive(t *testing.T) {
	contract(t, func(f *fixture) {
		counter(f.sdk, "orders", metric.WithAttributes(attribute.String("kind", "a")))(3)
		h, err := meter(f.sdk).Float64Histogram("latency", metric.WithUnit("s"))
		if err != nil {
			f.Fatal(err)
		}
		h.Record(f.Context(), 0.5)
		f.mustFlush(time.Second, 100*ms)
		points := f.backend.DataPoints()
		if len(points) != 2 {
			f.Fatalf("data points %+v", points)
		}
		slices.SortFunc(points, func(a, b otlpreceiver.DataPoint) int { return strings.Compare(b.Name, a.Name) })
		id, _ := points[0].Resource["service.instance.id"].(string)
		if p := points[0]; p.Name != "orders" || p.Value != int64(3) || p.Temporality != "cumulative" || p.Attributes["kind"] != "a" || len(id) != 36 {
			f.Errorf("point %+v", p)
		}
		if p := points[1]; p.Kind != "exponential histogram" || p.Unit != "s" || p.Count != 1 {
			f.Errorf("point %+v", p)
		}
		if st := f.sdk.Stats().Metrics; st != (otelx.SignalStats{Ended: 2, Exported: 2, Breaker: "closed"}) {
			f.Errorf("Stats %+v", st)
		}
	}, withMetrics(otelx.WithHistogramAggregation("base2_exponential_bucket_histogram")))
}

// The end of an invocation collects if the interval has passed since the last collection; a forced flush does so in any case.
func TestCollectionInterval(t *testing.T) {
	contract(t, func(f *fixture) {
		orders := counter(f.sdk, "orders")
		for i, step := range []struct {
			after   time.Duration
			flush   func() outcome
			pending int
			want    string
		}{
			{0, f.invocationEnds, 1, "orders=1"},
			{59 * time.Second, f.invocationEnds, 0, ""},
			{time.Second, f.invocationEnds, 1, "orders=3"},
			{time.Second, func() outcome { return f.flush(time.Second) }, 0, "orders=4"},
			{59 * time.Second, f.invocationEnds, 0, ""},
			{time.Hour, f.invocationEnds, 1, "orders=6"},
			{time.Second, func() outcome { return f.shutdown(time.Second) }, 0, "orders=7"},
			{time.Hour, f.invocationEnds, 0, ""},
		} {
			time.Sleep(step.after)
			orders(1)
			if n, now := f.sdk.Pending(); n != step.pending || now {
				f.Errorf("step %d: pending %d, %t; want %d", i+1, n, now, step.pending)
			}
			if o := step.flush(); o.err != nil {
				f.Errorf("step %d: %v", i+1, o.err)
			}
			if got := f.values(); got != step.want {
				f.Errorf("step %d: data points %q, want %q", i+1, got, step.want)
			}
		}
	}, withMetrics())
}

// SIGTERM makes the agent set the exit deadline, flush and shut down: one collection. If the process lives on, it is normal again.
func TestCollectionAtTheEnd(t *testing.T) {
	contract(t, func(f *fixture) {
		orders := counter(f.sdk, "orders")
		orders(1)
		f.sdk.SetExitDeadline(time.Now().Add(time.Second))
		f.mustFlush(time.Second, 100*ms)
		f.wantValues("orders=1")
		time.Sleep(2 * time.Second)
		orders(1)
		f.sdk.SetExitDeadline(time.Now().Add(time.Second))
		f.mustFlush(time.Second, 100*ms)
		if o := f.shutdown(time.Second); o.err != nil {
			f.Error(o.err)
		}
		f.wantValues("orders=2")
		f.wantRequests(2)
	}, withMetrics())
	contract(t, func(f *fixture) {
		counter(f.sdk, "orders")(1)
		f.sdk.SetExitDeadline(time.Now().Add(time.Second))
		f.mustFlush(time.Second, 100*ms)
		time.Sleep(time.Minute)
		counter(f.sdk, "orders")(1)
		if o := f.shutdown(time.Second); o.err != nil {
			f.Error(o.err)
		}
		f.wantValues("orders=1 orders=2")
	}, withMetrics())
}

func TestCollectionAtEachInvocation(t *testing.T) {
	for name, opts := range map[string][]otelx.Option{
		"variable": {withMetrics(), environ("EPILOGUE_METRIC_COLLECTION=invocation")},
		"option":   {withMetrics(otelx.WithCollectionAtEachInvocation(true))},
	} {
		t.Run(name, func(t *testing.T) {
			contract(t, func(f *fixture) {
				orders := counter(f.sdk, "orders")
				for range 3 {
					orders(1)
					f.invocationEnds()
				}
				f.wantValues("orders=1 orders=2 orders=3")
			}, opts...)
		})
	}
}

// A process that does not freeze exports at its interval.
func TestMetricsInTheBackground(t *testing.T) {
	contract(t, func(f *fixture) {
		f.sdk.SetBackgroundExport(true)
		orders := counter(f.sdk, "orders")
		orders(1)
		time.Sleep(10*time.Second + ms)
		f.wantValues("orders=1")
		time.Sleep(5 * time.Second)
		f.mustFlush(time.Second, 100*ms)
		f.wantValues("orders=1")
		time.Sleep(9 * time.Second)
		f.wantValues("")
		time.Sleep(time.Second)
		f.wantValues("orders=1")
		f.sdk.SetBackgroundExport(false)
		time.Sleep(time.Hour)
		f.wantValues("")
	}, withMetrics(otelx.WithMetricInterval(10*time.Second)))
}

// While the backend is down, a later collection replaces cumulative points. Deltas stay and go first.
func TestMetricsInAnOutage(t *testing.T) {
	for preference, want := range map[string]struct {
		values     string
		superseded int64
	}{"cumulative": {"orders=3", 2}, "delta": {"orders=1 orders=1 orders=1", 0}, "lowmemory": {"orders=1 orders=1 orders=1", 0}} {
		t.Run(preference, func(t *testing.T) {
			contract(t, func(f *fixture) {
				orders := counter(f.sdk, "orders")
				f.fails(otlpreceiver.Fault{Only: otlpreceiver.Metrics, Status: 503})
				for i := range 3 {
					orders(1)
					f.end("a")
					if i == 2 {
						f.works()
						time.Sleep(time.Minute)
					}
					o := f.flush(time.Second)
					if failed := o.err != nil; failed != (i < 2) {
						f.Errorf("flush %d: %v", i+1, o.err)
					}
					time.Sleep(time.Second)
				}
				f.wantValues(want.values)
				f.wantDelivered("a a a")
				st := f.sdk.Stats().Metrics
				if st.Superseded != want.superseded || st.Ended != 3 || st.Exported != 3-want.superseded {
					f.Errorf("Stats %+v", st)
				}
			}, withMetrics(otelx.WithTemporality(preference)))
		})
	}
}

type producer func() ([]metricdata.ScopeMetrics, error)

func (p producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) { return p() }

func gauge(name string) metricdata.ScopeMetrics {
	return metricdata.ScopeMetrics{Metrics: []metricdata.Metrics{{
		Name: name, Data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Value: 1}}},
	}}}
}

// An instrument or a producer that fails or panics loses its own data alone, and its error is reported.
func TestCallbacksThatFail(t *testing.T) {
	reports := otelerr.Collect(t)
	producers := otelx.WithProducers(
		producer(func() ([]metricdata.ScopeMetrics, error) { panic("no") }), nil,
		producer(func() ([]metricdata.ScopeMetrics, error) {
			return []metricdata.ScopeMetrics{gauge("half")}, errors.New("half of it")
		}),
		producer(func() ([]metricdata.ScopeMetrics, error) { return []metricdata.ScopeMetrics{gauge("whole")}, nil }),
	)
	contract(t, func(f *fixture) {
		counter(f.sdk, "orders")(1)
		_, err := meter(f.sdk).Int64ObservableGauge("bad", metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error {
			return errors.New("no value")
		}))
		if err != nil {
			f.Fatal(err)
		}
		f.mustFlush(time.Second, 100*ms)
		f.wantValues("orders=1 half=1 whole=1")
		text := strings.Join(reports(), "\n")
		for _, want := range []string{"no value", "producer: panicked: no", "half of it"} {
			if strings.Count(text, want) != 1 {
				f.Errorf("reported %q, want %q once", text, want)
			}
		}
	}, withMetrics(producers))
}

// Views, the limit of points and exemplars are the SDK's.
func TestOptionsOfMetrics(t *testing.T) {
	view := sdkmetric.NewView(sdkmetric.Instrument{Name: "orders"}, sdkmetric.Stream{Name: "renamed"})
	contract(t, func(f *fixture) {
		for i := range 3 {
			counter(f.sdk, "orders", metric.WithAttributes(attribute.Int("i", i)))(1)
		}
		f.mustFlush(time.Second, 100*ms)
		points := f.backend.DataPoints()
		overflow := 0
		for _, p := range points {
			if p.Attributes["otel.metric.overflow"] == true {
				overflow++
			}
		}
		if len(points) != 2 || overflow != 1 || points[0].Name != "renamed" || len(points[0].Exemplars) == 0 {
			f.Errorf("data points %+v", points)
		}
	}, withMetrics(otelx.WithViews(view), otelx.WithCardinalityLimit(2), otelx.WithExemplarFilter(func(context.Context) bool { return true })))
}

// EMF lines are on standard output, a second apart, with the settings of options and variables.
func TestEMF(t *testing.T) {
	type line struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
			}
		} `json:"_aws"`
		Level, Kind string
		Orders      float64
	}
	for name, opts := range map[string][]otelx.Option{
		"options": {
			otelx.WithMetrics(otelx.WithExporters("awsemf"), otelx.WithEMFNamespace("shop"), otelx.WithEMFDimensions("kind"), otelx.WithEMFMaxSeries(1)),
		},
		"variables": {otelx.WithMetrics(), environ("OTEL_METRICS_EXPORTER=emf", "EPILOGUE_EMF_NAMESPACE=shop", "EPILOGUE_EMF_DIMENSIONS=kind",
			"EPILOGUE_EMF_MAX_SERIES=1", "AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_LEVEL=ERROR")},
	} {
		t.Run(name, func(t *testing.T) {
			contract(t, func(f *fixture) {
				lines := stdout(f.T, func() {
					f.open(opts...)
					f.sdk.SetBackgroundExport(false)
					a := counter(f.sdk, "Orders", metric.WithAttributes(attribute.String("kind", "a"), attribute.String("user", "u")))
					a(2)
					f.invocationEnds()
					a(3)
					f.invocationEnds()
					time.Sleep(time.Second)
					f.invocationEnds()
					_ = f.shutdown(time.Second)
				})
				if len(lines) != 2 { // without a measurement there is none
					f.Fatalf("standard output has %q", lines)
				}
				for i, want := range []float64{2, 3} {
					var l line
					if err := json.Unmarshal([]byte(lines[i]), &l); err != nil {
						f.Fatal(err)
					}
					m := l.AWS.CloudWatchMetrics[0]
					if l.Orders != want || l.Kind != "a" || m.Namespace != "shop" || !slices.Equal(m.Dimensions[0], []string{"kind"}) {
						f.Errorf("line %d: %s", i+1, lines[i])
					}
					if wantLevel := map[string]string{"variables": "ERROR"}[name]; l.Level != wantLevel {
						f.Errorf("level %q, want %q", l.Level, wantLevel)
					}
				}
				if st := f.sdk.Stats().Metrics; st != (otelx.SignalStats{Ended: 2, Exported: 2, Breaker: "closed"}) {
					f.Errorf("Stats %+v", st)
				}
			})
		})
	}
}

// A value that CloudWatch does not accept is counted, and in the error of one flush. OTLP has it.
func TestInvalidValuesOfEMF(t *testing.T) {
	contract(t, func(f *fixture) {
		lines := stdout(f.T, func() {
			f.open(withMetrics(otelx.WithExporters("otlp", "emf")))
			g, err := meter(f.sdk).Float64Gauge("huge")
			if err != nil {
				f.Fatal(err)
			}
			g.Record(f.Context(), 0x1p400)
			if drop := dropped(f.flush(time.Second).err); drop == nil || drop.Signal != "metrics" || drop.Dropped.Invalid != 1 {
				f.Errorf("ForceFlush: %v", drop)
			}
		})
		if len(lines) != 0 || len(f.backend.DataPoints()) != 1 {
			f.Errorf("standard output has %q", lines)
		}
		if st := f.sdk.Stats().Metrics; st.Ended != 2 || st.Exported != 1 || st.Dropped.Total() != 1 {
			f.Errorf("Stats %+v", st)
		}
	})
}

func TestMetricsOnTheConsole(t *testing.T) {
	lines := stdout(t, func() {
		s, err := newSDK(t, environ("OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=console"), otelx.WithMetrics())
		counter(s, "orders")(1)
		if err := errors.Join(err, s.ForceFlush(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if len(lines) != 1 || !strings.HasPrefix(lines[0], `{"resourceMetrics":[`) || !strings.Contains(lines[0], `"orders"`) {
		t.Errorf("standard output has %q", lines)
	}
}

// New makes the meter provider the global one. Without WithMetrics it is a no-op, and one line says what to add if a variable of
// metrics is set. Bad settings are errors.
func TestOptInOfMetrics(t *testing.T) {
	s, err := newSDK(t, environ())
	if _, ok := s.MeterProvider().(noop.MeterProvider); !ok || err != nil {
		t.Errorf("%T, %v", s.MeterProvider(), err)
	}
	before := otel.GetMeterProvider()
	s, err = newSDK(t, environ("OTEL_SDK_DISABLED=true"), withMetrics())
	if _, ok := s.MeterProvider().(noop.MeterProvider); !ok || err != nil || otel.GetMeterProvider() != before {
		t.Errorf("disabled: %T, %v; the global provider must be the same", s.MeterProvider(), err)
	}
	_, err = newSDK(t, environ("OTEL_METRICS_EXPORTER=otlp", "EPILOGUE_EMF_NAMESPACE=x"))
	wantError(t, "variables", err, "OTEL_METRICS_EXPORTER, EPILOGUE_EMF_NAMESPACE: set, but metrics are off (add otelx.WithMetrics() to otelx.New")
	_, err = newSDK(t, environ("OTEL_METRICS_EXPORTER=none", "OTEL_METRIC_EXPORT_INTERVAL=5"))
	wantError(t, "none", err, "")
	s, err = newSDK(t, environ("OTEL_METRICS_EXPORTER=none"), otelx.WithMetrics())
	if otel.GetMeterProvider() != s.MeterProvider() || err != nil {
		t.Errorf("the global provider is another; %v", err)
	}
	for vars, want := range map[string]string{
		"OTEL_METRICS_EXPORTER=prometheus":                                 `OTEL_METRICS_EXPORTER="prometheus": "prometheus" is not possible: a process that is frozen or exits cannot be scraped (write otlp, emf, console or none`,
		"OTEL_METRICS_EXPORTER=otlp,statsd":                                `OTEL_METRICS_EXPORTER="otlp,statsd": "statsd" is unknown (write otlp`,
		"OTEL_METRIC_EXPORT_INTERVAL=0":                                    `OTEL_METRIC_EXPORT_INTERVAL="0": too short (write a number of milliseconds, 1 or more)`,
		"OTEL_METRIC_EXPORT_INTERVAL=60s":                                  `OTEL_METRIC_EXPORT_INTERVAL="60s": not a number of milliseconds (write 60000)`,
		"OTEL_METRIC_EXPORT_TIMEOUT=5s":                                    "OTEL_METRIC_EXPORT_TIMEOUT",
		"OTEL_METRICS_EXEMPLAR_FILTER=all":                                 "write always_on, always_off or trace_based",
		"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=high":           "write cumulative, delta or lowmemory",
		"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=buckets": "write explicit_bucket_histogram",
		"EPILOGUE_METRIC_COLLECTION=never":                                 "write interval or invocation",
		"EPILOGUE_EMF_NAMESPACE=AWS/Lambda":                                `EPILOGUE_EMF_NAMESPACE="AWS/Lambda": AWS/ is for metrics of AWS (write another namespace, for example the service's name)`,
		"EPILOGUE_EMF_MAX_SERIES=0":                                        "EPILOGUE_EMF_MAX_SERIES",
		"EPILOGUE_FAAS_METRICS=yes":                                        "write true or false",
	} {
		_, err := newSDK(t, environ(vars), otelx.WithMetrics())
		wantError(t, vars, err, want)
	}
	_, err = newSDK(t, environ(), otelx.WithMetrics(otelx.WithMetricInterval(0), otelx.WithTemporality("x"), otelx.WithHistogramAggregation("x"),
		otelx.WithEMFNamespace(""), otelx.WithEMFMaxSeries(0), otelx.WithExporters("x"), otelx.WithTimeout(-1)))
	for _, want := range []string{"WithMetricInterval(0s)", "WithTemporality", "WithHistogramAggregation", "WithEMFNamespace", "WithEMFMaxSeries", "WithExporters", "WithTimeout(-1ns)"} {
		wantError(t, want, err, want)
	}
}

// TestFunctionMetricsAsEMF: lines have the metrics of the handler's scope only if that is switched on.
func TestFunctionMetricsAsEMF(t *testing.T) {
	emf := otelx.WithExporters("emf")
	for name, c := range map[string]struct {
		opts []otelx.Option
		want int // lines
	}{
		"default":  {[]otelx.Option{otelx.WithMetrics(emf)}, 0},
		"variable": {[]otelx.Option{otelx.WithMetrics(emf), environ("EPILOGUE_FAAS_METRICS=true")}, 1},
		"option": {
			[]otelx.Option{otelx.WithMetrics(emf, otelx.WithEMFFunctionMetrics(true)), environ("EPILOGUE_FAAS_METRICS=false")}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			contract(t, func(f *fixture) {
				lines := stdout(f.T, func() {
					f.open(c.opts...)
					invocations, err := f.sdk.MeterProvider().Meter("github.com/epilogue-go/epilogue/handler").Int64Counter("faas.invocations")
					if err != nil {
						f.Fatal(err)
					}
					invocations.Add(f.Context(), 1)
					f.invocationEnds()
					_ = f.shutdown(time.Second)
				})
				if len(lines) != c.want {
					f.Errorf("standard output has %q, want %d lines", lines, c.want)
				}
			})
		})
	}
}
