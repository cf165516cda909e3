package otlpreceiver_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const ids1 = `"traceId":"01010101010101010101010101010101","spanId":"0202020202020202"`

const everyPoint = `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"js"}}]},
	"scopeMetrics":[{"scope":{"name":"lib","version":"2"},"metrics":[
	{"name":"g","description":"d","unit":"By","gauge":{"dataPoints":[{"asDouble":1.5,"flags":1,"timeUnixNano":"2000000000"},{}]}},
	{"name":"s","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"asInt":"-7","startTimeUnixNano":"1000000000",
		"attributes":[{"key":"k","value":{"stringValue":"v"}}],
		"exemplars":[{"asInt":"3","timeUnixNano":"1500000000",` + ids1 + `,"filteredAttributes":[{"key":"f","value":{"boolValue":true}}]},{"asDouble":0.5}]}]}},
	{"name":"h","histogram":{"aggregationTemporality":1,"dataPoints":[
		{"count":"3","sum":4.5,"min":0.5,"max":3,"explicitBounds":[1,2],"bucketCounts":["1","0","2"],"exemplars":[{}]},{}]}},
	{"name":"e","exponentialHistogram":{"aggregationTemporality":1,"dataPoints":[
		{"count":"9","sum":1,"min":-1,"max":2,"scale":3,"zeroCount":"4","zeroThreshold":0.1,
		"positive":{"offset":-1,"bucketCounts":["2"]},"negative":{"offset":5,"bucketCounts":["1","2"]}}]}},
	{"name":"y","summary":{"dataPoints":[{"count":"2","sum":3,"quantileValues":[{"quantile":0.5,"value":1}]}]}}]}]}]}`

func TestMapsEveryDataPoint(t *testing.T) {
	s := newSetup(t, otlpreceiver.Config{})
	s.do(t.Context(), "POST", "/v1/metrics", []byte(everyPoint), "Content-Type", "application/json")
	got, err := s.WaitDataPoints(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	ids := otlpreceiver.Exemplar{TraceID: strings.Repeat("01", 16), SpanID: strings.Repeat("02", 8)}
	want := []otlpreceiver.DataPoint{
		{Name: "g", Description: "d", Unit: "By", Kind: "gauge", Value: 1.5, Flags: 1, Time: time.Unix(2, 0).UTC()},
		{Name: "g", Description: "d", Unit: "By", Kind: "gauge"},
		{
			Name: "s", Kind: "sum", Temporality: "cumulative", Monotonic: true, Value: int64(-7), Start: time.Unix(1, 0).UTC(),
			Attributes: map[string]any{"k": "v"}, Exemplars: []otlpreceiver.Exemplar{
				{Value: int64(3), Time: time.Unix(1, 5e8).UTC(), TraceID: ids.TraceID, SpanID: ids.SpanID, Attributes: map[string]any{"f": true}},
				{Value: 0.5, Attributes: map[string]any{}},
			},
		},
		{
			Name: "h", Kind: "histogram", Temporality: "delta", Count: 3, Sum: new(4.5), Min: new(0.5), Max: new(3.0),
			Bounds: []float64{1, 2}, Buckets: []uint64{1, 0, 2}, Exemplars: []otlpreceiver.Exemplar{{Attributes: map[string]any{}}},
		},
		{Name: "h", Kind: "histogram", Temporality: "delta"},
		{
			Name: "e", Kind: "exponential histogram", Temporality: "delta", Count: 9, Sum: new(1.0), Min: new(-1.0), Max: new(2.0),
			Scale: 3, ZeroCount: 4, ZeroThreshold: 0.1,
			Positive: otlpreceiver.ExponentialBuckets{Offset: -1, Counts: []uint64{2}},
			Negative: otlpreceiver.ExponentialBuckets{Offset: 5, Counts: []uint64{1, 2}},
		},
		{Name: "y", Kind: "summary", Count: 2, Sum: new(3.0), Quantiles: map[float64]float64{0.5: 1}},
	}
	for i := range want {
		want[i].Source = otlpreceiver.Source{
			Resource: map[string]any{"service.name": "js"}, Scope: "lib", ScopeVersion: "2", Arrived: got[0].Arrived, Request: 1,
		}
		if want[i].Attributes == nil {
			want[i].Attributes = map[string]any{}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || got[0].Arrived.IsZero() || got[0].Service() != "js" {
		t.Errorf("data points (-want +got):\n%s", diff)
	}
}

const everyRecordField = `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"js"}}]},
	"scopeLogs":[{"scope":{"name":"lib","version":"2"},"logRecords":[{"timeUnixNano":"1000000001","observedTimeUnixNano":"2000000000",
	"severityText":"WARN","severityNumber":13,"eventName":"e","flags":1,"droppedAttributesCount":2,` + ids1 + `,
	"body":{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"1"}}]}},
	"attributes":[{"key":"a","value":{"stringValue":"b"}}]}]}]}]}`

func TestMapsEveryFieldOfALogRecord(t *testing.T) {
	s := newSetup(t, otlpreceiver.Config{})
	s.do(t.Context(), "POST", "/v1/logs", []byte(everyRecordField), "Content-Type", "application/json")
	got, err := s.WaitLogRecords(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []otlpreceiver.LogRecord{{
		Time: time.Unix(1, 1).UTC(), Observed: time.Unix(2, 0).UTC(), Severity: "WARN", SeverityNumber: 13, EventName: "e",
		Body: map[string]any{"k": int64(1)}, Attributes: map[string]any{"a": "b"}, DroppedAttributes: 2, Flags: 1,
		TraceID: strings.Repeat("01", 16), SpanID: strings.Repeat("02", 8),
		Source: otlpreceiver.Source{
			Resource: map[string]any{"service.name": "js"}, Scope: "lib", ScopeVersion: "2", Arrived: got[0].Arrived, Request: 1,
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" || got[0].Arrived.IsZero() || got[0].Service() != "js" {
		t.Errorf("log record (-want +got):\n%s", diff)
	}
}

// signalCases are requests of three items for each signal, and the number of items that a receiver has kept.
var signalCases = map[otlpreceiver.Signal]struct {
	body         func(t *testing.T) []byte
	json         string // of one item
	rejectedName string
	kept         func(s *setup) int
}{
	otlpreceiver.Traces: {
		body: func(t *testing.T) []byte { return body(t, 1, 2, 3) }, json: jsonRequest,
		rejectedName: "rejectedSpans", kept: func(s *setup) int { return len(s.Spans()) },
	},
	otlpreceiver.Metrics: {
		body:         func(t *testing.T) []byte { return metricsBody(t, 3) },
		json:         `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[{"exemplars":[{` + ids1 + `}]}]}}]}]}]}`,
		rejectedName: "rejectedDataPoints", kept: func(s *setup) int { return len(s.DataPoints()) },
	},
	otlpreceiver.Logs: {
		body: func(t *testing.T) []byte { return logsBody(t, 3) }, json: everyRecordField,
		rejectedName: "rejectedLogRecords", kept: func(s *setup) int { return len(s.LogRecords()) },
	},
}

func TestEverySignalHasTheSameFaults(t *testing.T) {
	for signal, c := range signalCases {
		t.Run(string(signal), func(t *testing.T) {
			s := newSetup(t, otlpreceiver.Config{})
			send := func(f otlpreceiver.Fault, data []byte, headers ...string) reply {
				s.FailNext(f)
				return s.do(t.Context(), "POST", "/v1/"+string(signal), data, headers...)
			}
			steps := []struct {
				name  string
				fault otlpreceiver.Fault
				body  string // of the answer; "-": none, the connection is cut
				kept  int    // in all
			}{
				{"refused", otlpreceiver.Fault{Status: 503, Message: "busy"}, "\x12\x04busy", 0},
				{"cut early", otlpreceiver.Fault{Cut: otlpreceiver.BeforeStore}, "-", 0},
				{"cut late", otlpreceiver.Fault{Cut: otlpreceiver.AfterStore}, "-", 3},
				{"a part rejected", otlpreceiver.Fault{Rejected: 2, Message: "old"}, "\x0a\x07\x08\x02\x12\x03old", 4},
				{"all rejected", otlpreceiver.Fault{Rejected: 99}, "\x0a\x04\x08\x03\x12\x00", 4},
				{"accepted", otlpreceiver.Fault{}, "", 7},
			}
			for _, step := range steps {
				got := send(step.fault, c.body(t))
				if (step.body == "-") != (got.err != nil) || step.body != "-" && string(got.body) != step.body || c.kept(s) != step.kept {
					t.Errorf("%s: answer %+v, %d items kept; want %d", step.name, got, c.kept(s), step.kept)
				}
			}
			got := send(otlpreceiver.Fault{Rejected: 1, Message: "old"}, []byte(c.json), "Content-Type", "application/json")
			if want := `{"partialSuccess":{"errorMessage":"old","` + c.rejectedName + `":"1"}}`; string(got.body) != want || c.kept(s) != 7 {
				t.Errorf("JSON: answer %q, want %q; %d items kept", got.body, want, c.kept(s))
			}
			if got := s.do(t.Context(), "POST", "/v1/"+string(signal), zipped(c.body(t)), "Content-Encoding", "gzip"); got.status != 200 {
				t.Errorf("gzip: answer %+v", got)
			}
			req := s.Requests()[7]
			if req.Signal != signal || req.Items != 3 || req.Kept != 3 || (req.Spans == 3) != (signal == otlpreceiver.Traces) {
				t.Errorf("request %+v", req)
			}
		})
	}
}

func TestIDsOfProtobuf(t *testing.T) {
	s := newSetup(t, otlpreceiver.Config{})
	s.do(t.Context(), "POST", "/v1/metrics", metricsBody(t, 1))
	s.do(t.Context(), "POST", "/v1/logs", logsBody(t, 1))
	wantTrace, wantSpan := strings.Repeat("ab", 16), strings.Repeat("cd", 8)
	if e := s.DataPoints()[0].Exemplars[0]; e.TraceID != wantTrace || e.SpanID != wantSpan {
		t.Errorf("exemplar %+v", e)
	}
	if r := s.LogRecords()[0]; r.TraceID != wantTrace || r.SpanID != wantSpan || r.Body != "hello" {
		t.Errorf("log record %+v", r)
	}
}

func TestFaultOfOneSignal(t *testing.T) {
	s := newSetup(t, otlpreceiver.Config{})
	status := func(signal otlpreceiver.Signal) int {
		return s.do(t.Context(), "POST", "/v1/"+string(signal), signalCases[signal].body(t)).status
	}
	statuses := func() [3]int {
		return [3]int{status(otlpreceiver.Traces), status(otlpreceiver.Metrics), status(otlpreceiver.Logs)}
	}
	check := func(name string, want [3]int) {
		t.Helper()
		if got := statuses(); got != want {
			t.Errorf("%s: statuses of traces, metrics and logs %v, want %v", name, got, want)
		}
	}
	s.SetFault(otlpreceiver.Fault{Status: 500})
	s.SetFault(otlpreceiver.Fault{Status: 503, Only: otlpreceiver.Metrics})
	s.SetFault(otlpreceiver.Fault{Only: otlpreceiver.Logs})
	check("SetFault", [3]int{500, 503, 200})
	s.FailNext(otlpreceiver.Fault{Status: 429, Only: otlpreceiver.Logs}, otlpreceiver.Fault{Status: 404})
	check("FailNext", [3]int{404, 503, 429})
	s.SetFault(otlpreceiver.Fault{})
	check("the zero fault", [3]int{200, 200, 200})
}

func TestDrainedItemsAreGone(t *testing.T) {
	s := newSetup(t, otlpreceiver.Config{})
	for range 2 {
		s.do(t.Context(), "POST", "/v1/metrics", metricsBody(t, 2))
		s.do(t.Context(), "POST", "/v1/logs", logsBody(t, 3))
		if points, records := s.DrainDataPoints(), s.DrainLogRecords(); len(points) != 2 || len(records) != 3 {
			t.Errorf("drained %d data points and %d log records, want 2 and 3", len(points), len(records))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.WaitDataPoints(ctx, 1); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "wait for 1 data points, have 0") {
		t.Errorf("WaitDataPoints: %v", err)
	}
	if _, err := s.WaitLogRecords(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitLogRecords: %v", err)
	}
}
