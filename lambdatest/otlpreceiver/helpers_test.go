package otlpreceiver_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"slices"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/internal/memnet"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const protobufType = "application/x-protobuf"

func attr(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// body is a request with a span for each id.
func body(tb testing.TB, ids ...byte) []byte {
	tb.Helper()
	var spans []*tracepb.Span
	for _, id := range ids {
		spans = append(spans, &tracepb.Span{
			TraceId: bytes.Repeat([]byte{0xab}, 16), SpanId: bytes.Repeat([]byte{id}, 8), Name: "span", Kind: tracepb.Span_SPAN_KIND_SERVER,
		})
	}
	return marshal(tb, &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: resource(), ScopeSpans: []*tracepb.ScopeSpans{{Scope: scope(), Spans: spans}},
	}}})
}

// metricsBody is a request with a counter of n data points.
func metricsBody(tb testing.TB, n int) []byte {
	tb.Helper()
	var points []*metricspb.NumberDataPoint
	for i := range n {
		points = append(points, &metricspb.NumberDataPoint{
			Value:     &metricspb.NumberDataPoint_AsInt{AsInt: int64(i)},
			Exemplars: []*metricspb.Exemplar{{SpanId: bytes.Repeat([]byte{0xcd}, 8), TraceId: bytes.Repeat([]byte{0xab}, 16)}},
		})
	}
	sum := &metricspb.Sum{DataPoints: points, IsMonotonic: true, AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA}
	return marshal(tb, &metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource: resource(), ScopeMetrics: []*metricspb.ScopeMetrics{{
			Scope: scope(), Metrics: []*metricspb.Metric{{Name: "calls", Unit: "{call}", Data: &metricspb.Metric_Sum{Sum: sum}}},
		}},
	}}})
}

// logsBody is a request with n log records.
func logsBody(tb testing.TB, n int) []byte {
	tb.Helper()
	var records []*logspb.LogRecord
	for range n {
		records = append(records, &logspb.LogRecord{
			Body: attr("", "hello").GetValue(), SpanId: bytes.Repeat([]byte{0xcd}, 8), TraceId: bytes.Repeat([]byte{0xab}, 16),
		})
	}
	return marshal(tb, &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{
		Resource: resource(), ScopeLogs: []*logspb.ScopeLogs{{Scope: scope(), LogRecords: records}},
	}}})
}

func resource() *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attr("service.name", "orders")}}
}

func scope() *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{Name: "lib", Version: "1"}
}

func marshal(tb testing.TB, message proto.Message) []byte {
	tb.Helper()
	out, err := proto.Marshal(message)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// setup is a receiver on an in-memory network and a client of it.
type setup struct {
	*otlpreceiver.Receiver
	tb     testing.TB
	log    *eventlog.Log
	client *http.Client
}

func newSetup(tb testing.TB, cfg otlpreceiver.Config) *setup {
	tb.Helper()
	network := new(memnet.Network)
	l, err := network.Listen("collector.test:4318")
	if err != nil {
		tb.Fatal(err)
	}
	transport := &http.Transport{DialContext: network.DialContext}
	s := &setup{tb: tb, log: new(eventlog.Log), client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	cfg.Log = s.log
	s.Receiver = otlpreceiver.New(cfg)
	if err := s.Serve(l); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// reply is what a client gets to see; status 0 means a broken connection.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (s *setup) post(ctx context.Context, data []byte, headers ...string) reply {
	return s.do(ctx, http.MethodPost, "/v1/traces", data, headers...)
}

func (s *setup) do(ctx context.Context, method, path string, data []byte, headers ...string) reply {
	s.tb.Helper()
	req, err := http.NewRequestWithContext(ctx, method, s.Endpoint()+path, bytes.NewReader(data))
	if err != nil {
		s.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", protobufType)
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, got, err}
}

// kinds are the kinds of the events logged so far.
func (s *setup) kinds() []eventlog.Kind {
	var out []eventlog.Kind
	for _, e := range s.log.Events() {
		out = append(out, e.Kind)
	}
	return out
}
