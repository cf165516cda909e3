package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSignals(t *testing.T) {
	var b strings.Builder
	for _, s := range []Signal{
		{Item: "data point"},
		{Item: "data point", Received: 12, Requests: 2},
		{Item: "data point", Received: 12, Requests: 2, Counted: true, Counts: Counts{Ended: 15, Exported: 12, Superseded: 3}},
		{Item: "log record", Counted: true, Counts: Counts{Ended: 10, Exported: 4, Pending: 1, Dropped: 5}},
	} {
		b.WriteString(s.Line(Style{}))
	}
	for _, o := range []Output{
		{},
		{EMFLines: 1, Metrics: 3},
		{EMFLines: 2, Metrics: 1, LogLines: 4, Traced: 3},
		{EMFLines: 1, Metrics: 1, LogLines: 1, Traced: 1, EMFLine: `{"_aws":{}}`, LogLine: `{"message":"` + strings.Repeat("long", 40) + `"}`},
	} {
		b.WriteString(o.Lines(Style{}))
	}
	golden(t, "signals", b.String())
}

func TestOutputCountsLinesOfJSON(t *testing.T) {
	const metric = `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Metrics":[{"Name":"a"},{"Name":"b"}]},{"Metrics":[{"Name":"c"}]}]},"a":1}`
	var got Output
	for _, line := range []string{
		metric, `{"_aws":{},"level":"INFO"}`, // EMF lines, the second as Lambda's JSON log format requires
		`{"level":"INFO"}`, `{"trace_id":"01","message":"m"}`, `{"level":"WARN","trace_id":"01"}`,
		`{"message":"neither"}`, `{"level":"cut off`, `level=INFO trace_id=01`, `["level"]`, ``,
	} {
		got.Add(line)
	}
	want := Output{
		EMFLines: 2, Metrics: 3, LogLines: 3, Traced: 2,
		EMFLine: `{"_aws":{},"level":"INFO"}`, LogLine: `{"trace_id":"01","message":"m"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
