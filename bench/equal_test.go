package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	logspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	records "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/epilogue-go/epilogue/internal/itemtest"
	"github.com/epilogue-go/epilogue/internal/otlp"
)

// receiver keeps the last request of an exporter.
type receiver struct {
	*httptest.Server
	body []byte
}

func newReceiver(t *testing.T) *receiver {
	r := new(receiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		r.body, _ = io.ReadAll(req.Body)
	}))
	t.Cleanup(r.Close)
	return r
}

// requireEqual fails the test unless the receiver gets the same message from send, an official exporter, as from a
// request with body, ours. newMessage returns an empty message.
func (r *receiver) requireEqual(
	t *testing.T, newMessage func() proto.Message, body []byte, send func(context.Context) error, opts ...cmp.Option,
) {
	t.Helper()
	want, got := newMessage(), newMessage()
	r.body = nil
	if err := send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(r.body, want); err != nil || len(r.body) == 0 {
		t.Fatalf("the official request of %d bytes: %v", len(r.body), err)
	}
	response, err := http.Post(r.URL, "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if err := proto.Unmarshal(r.body, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, append(opts, protocmp.Transform(), cmpopts.EquateNaNs())...); diff != "" {
		t.Errorf("-official +epilogue:\n%s", diff)
	}
}

// TestMetricsEqualTheOfficialExporters sends collections of every kind of metric. A metric without points is not among
// them: epilogue does not send it.
func TestMetricsEqualTheOfficialExporters(t *testing.T) {
	r := newReceiver(t)
	exporter, err := otlpmetrichttp.New(t.Context(), otlpmetrichttp.WithEndpointURL(r.URL))
	if err != nil {
		t.Fatal(err)
	}
	kinds := itemtest.Kinds()
	delete(kinds, "no points")
	collections := map[string]*metricdata.ResourceMetrics{"ordinary": itemtest.Measured(20)}
	var all []metricdata.Aggregation
	for name, data := range kinds {
		collections[name], all = itemtest.Collection(data, data, data), append(all, data)
	}
	collections["all"] = itemtest.Collection(all...)
	for _, kv := range itemtest.Values() {
		exemplars := []metricdata.Exemplar[float64]{{FilteredAttributes: []attribute.KeyValue{kv}}}
		points := []metricdata.DataPoint[float64]{{Attributes: attribute.NewSet(kv), Exemplars: exemplars}}
		collections["value "+string(kv.Key)] = itemtest.Collection(metricdata.Gauge[float64]{DataPoints: points})
	}
	for name, rm := range collections {
		t.Run(name, func(t *testing.T) {
			rm.ScopeMetrics = slices.DeleteFunc(rm.ScopeMetrics, func(sm metricdata.ScopeMetrics) bool {
				return len(sm.Metrics) == 0
			})
			points, err := otlp.EncodePoints(rm)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := new(otlp.MetricEncoder).AppendRequest(nil, points, math.MaxInt)
			r.requireEqual(t, func() proto.Message { return new(metricspb.ExportMetricsServiceRequest) }, body,
				func(ctx context.Context) error { return exporter.Export(ctx, rm) })
		})
	}
}

// TestLogsEqualTheOfficialExporters sends records with every kind of value, of several resources and scopes. The
// official exporter has resources in no order.
func TestLogsEqualTheOfficialExporters(t *testing.T) {
	r := newReceiver(t)
	exporter, err := otlploghttp.New(t.Context(), otlploghttp.WithEndpointURL(r.URL))
	if err != nil {
		t.Fatal(err)
	}
	batches := map[string][]sdklog.Record{
		"ordinary": itemtest.Records(100),
		"dropped attributes": {itemtest.Record(itemtest.Resource, itemtest.Scope, func(r *sdklog.Record) {
			r.SetAttributes(itemtest.Values()...)
		}, sdklog.WithAttributeCountLimit(2))},
	}
	for _, kv := range itemtest.Values() {
		record := itemtest.Record(itemtest.Resource, itemtest.Scope, itemtest.Fill)
		record.SetBody(kv.Value)
		record.AddAttributes(attribute.KeyValue{Key: "k" + kv.Key, Value: kv.Value})
		batches["value "+string(kv.Key)] = []sdklog.Record{record}
	}
	var groups []sdklog.Record
	for i := range 12 {
		res := []*resource.Resource{itemtest.Resource, resource.NewSchemaless(attribute.String("service.name", "prices"))}[i%2]
		scope := []instrumentation.Scope{itemtest.Scope, {}, {Name: itemtest.Scope.Name}}[i%3]
		groups = append(groups, itemtest.Record(res, scope, itemtest.Fill))
	}
	batches["groups"] = groups
	byName := protocmp.SortRepeated(func(a, b *records.ResourceLogs) bool { return a.String() < b.String() })
	for name, batch := range batches {
		t.Run(name, func(t *testing.T) {
			body, _ := new(otlp.LogEncoder).AppendRequest(nil, batch, math.MaxInt)
			r.requireEqual(t, func() proto.Message { return new(logspb.ExportLogsServiceRequest) }, body,
				func(ctx context.Context) error { return exporter.Export(ctx, batch) },
				byName)
		})
	}
}
