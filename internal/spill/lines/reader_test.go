package lines

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// line is a document with a span of that name, as package spill writes it, without the line feed.
func line(name string) string {
	return `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}}]},` +
		`"scopeSpans":[{"scope":{"name":"s"},"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"` +
		fmt.Sprintf("%016x", len(name)+1) + `","name":` + quoted(name) + `,"kind":2,"startTimeUnixNano":"1795348800123456789",` +
		`"endTimeUnixNano":"1795348800141456789","attributes":[{"key":"n","value":{"intValue":"9007199254740993"}}],` +
		`"status":{},"flags":257}]}]}]}`
}

func quoted(s string) string {
	q, _ := json.Marshal(s)
	return string(q)
}

// pretty indents, as the AWS CLI does.
func pretty(v any) string {
	text, _ := json.MarshalIndent(v, "", "    ")
	return string(text) + "\n"
}

func compact(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// metricsLine is a document with a counter of that name.
func metricsLine(name string) string {
	return `{"resourceMetrics":[{"scopeMetrics":[{"scope":{"name":"s"},"metrics":[{"name":` + quoted(name) + `,"sum":{"dataPoints":[{` +
		`"startTimeUnixNano":"1795348800123456789","timeUnixNano":"1795348800141456789","asInt":"3","exemplars":[{"asInt":"1",` +
		`"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"}]}],"aggregationTemporality":1,"isMonotonic":true}}]}]}]}`
}

// logsLine is a document with a log record of that text.
func logsLine(text string) string {
	return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1795348800123456789","body":{"stringValue":` + quoted(text) +
		`},"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"}]}]}]}`
}

// namesOf returns the names of spans and metrics, and the texts of log records.
func namesOf(data Document) (names []string) {
	for _, r := range data.Traces.GetResourceSpans() {
		for _, s := range r.GetScopeSpans() {
			for _, span := range s.GetSpans() {
				names = append(names, span.GetName())
			}
		}
	}
	for _, r := range data.Metrics.GetResourceMetrics() {
		for _, s := range r.GetScopeMetrics() {
			for _, m := range s.GetMetrics() {
				names = append(names, m.GetName())
			}
		}
	}
	for _, r := range data.Logs.GetResourceLogs() {
		for _, s := range r.GetScopeLogs() {
			for _, l := range s.GetLogRecords() {
				names = append(names, l.GetBody().GetStringValue())
			}
		}
	}
	return names
}

// read returns the names in r.
func read(t testing.TB, r io.Reader) ([]string, Input) {
	t.Helper()
	var names []string
	in, err := Read(r, collect(&names))
	if err != nil {
		t.Fatal(err)
	}
	return names, in
}

type object = map[string]any

// export is the output of aws logs filter-log-events.
func export(messages ...string) object {
	var events []object
	for i, m := range messages {
		events = append(events, object{
			"logStreamName": "2026/11/22/[$LATEST]0123456789abcdef", "timestamp": 1795348800123 + i,
			"message": m, "ingestionTime": 1795348801000, "eventId": "1",
		})
	}
	return object{"events": events, "searchedLogStreams": []string{}}
}

// csvOf is a CSV file from the console of CloudWatch.
func csvOf(messages ...string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"timestamp", "message"})
	for _, m := range messages {
		_ = w.Write([]string{"1795348800123", m})
	}
	w.Flush()
	return b.String()
}

func TestReadForms(t *testing.T) {
	const stamp = "2026-11-22T12:00:00.123Z "
	odd := "a \"name\"\twith \\ {braces} and [a \U0001F600\n"
	start := "START RequestId: 1 Version: $LATEST\n"
	for name, tt := range map[string]struct {
		text string
		want []string
		in   Input
	}{
		"nothing":           {"", nil, Input{}},
		"a log":             {start + line("a") + "\n" + "REPORT\n", []string{"a"}, Input{Lines: 3, Without: 2, Documents: 1}},
		"no line feed":      {line("a"), []string{"a"}, Input{Lines: 1, Documents: 1}},
		"CRLF":              {line("a") + "\r\n" + line("b") + "\r\n", []string{"a", "b"}, Input{Lines: 2, Documents: 2}},
		"S3 export":         {stamp + start + stamp + line("a") + "\n", []string{"a"}, Input{Lines: 2, Without: 1, Documents: 1}},
		"aws logs tail":     {"2026-11-22T12:00:00.123000+00:00 2026/11/22/[$LATEST]01 " + line("a") + "\n", []string{"a"}, Input{Lines: 1, Documents: 1}},
		"text output":       {line("a") + "\t" + start + line("b") + "\n", []string{"a", "b"}, Input{Lines: 2, Documents: 2}},
		"all signals":       {line("a") + "\n" + metricsLine("b") + logsLine("c"), []string{"a", "b", "c"}, Input{Lines: 2, Documents: 3}},
		"signals in CSV":    {csvOf(metricsLine("b"), logsLine(odd)), []string{"b", odd}, Input{Lines: 3, Without: 1, Documents: 2}},
		"logs of an export": {compact(export(logsLine("a"), "resource", metricsLine("b"))), []string{"a", "b"}, Input{Lines: 1, Documents: 2}},
		"odd name":          {line(odd) + "\n", []string{odd}, Input{Lines: 1, Documents: 1}},
		"quoted odd":        {compact(object{"message": line(odd) + "\n"}), []string{odd}, Input{Lines: 1, Documents: 1}},
		"log in JSON":       {compact(object{"level": "INFO", "message": stamp + line("a")}), []string{"a"}, Input{Lines: 1, Documents: 1}},
		"JSON in JSON":      {`{"message":` + line("a") + `,"level":"INFO"}`, []string{"a"}, Input{Lines: 1, Documents: 1}},
		"export":            {pretty(export(start, line("a")+"\n", "x", line("bb"))), []string{"a", "bb"}, Input{Lines: 33, Without: 31, Documents: 2}},
		"compact export":    {compact(export(start, line("a")+"\n", "x", line("bb"))), []string{"a", "bb"}, Input{Lines: 1, Documents: 2}},
		"quoted twice": {
			pretty(export(compact(object{"message": line(odd)}))), []string{odd}, Input{Lines: 12, Without: 11, Documents: 1},
		},
		"quoted too often": {
			compact(export(compact(object{"m": compact(object{"m": compact(object{"m": line("a")})})}))), nil, Input{Lines: 1, Broken: 1},
		},
		"Insights":          {compact(object{"results": [][]object{{{"field": "@message", "value": line("a")}}}}), []string{"a"}, Input{Lines: 1, Documents: 1}},
		"CSV":               {csvOf("START", line("a")+"\n", "x, y", line(odd)), []string{"a", odd}, Input{Lines: 6, Without: 4, Documents: 2}},
		"JSON in CSV":       {csvOf(compact(object{"message": line(odd)})), []string{odd}, Input{Lines: 2, Without: 1, Documents: 1}},
		"CSV, no line feed": {strings.TrimSuffix(csvOf(line("a")), "\n"), []string{"a"}, Input{Lines: 2, Without: 1, Documents: 1}},
		"CSV, cut off":      {csvOf(line("a"))[:200] + "\n" + line("b"), []string{"b"}, Input{Lines: 3, Without: 1, Documents: 1, Broken: 1}},
		"spaces":            {strings.Replace(line("a"), `{"resourceSpans":`, `{ "resourceSpans" : `, 1), []string{"a"}, Input{Lines: 1, Documents: 1}},
		"cut off":           {line("a")[:100] + "\n" + line("b") + "\n", []string{"b"}, Input{Lines: 2, Documents: 1, Broken: 1}},
		"cut inside":        {compact(export(line("a")[:100], line("b"))), []string{"b"}, Input{Lines: 1, Documents: 1, Broken: 1}},
		"no OTLP":           {`{"resourceSpans":"none"}`, nil, Input{Lines: 1, Broken: 1}},
		"bad id":            {strings.Replace(line("a"), "0102", "01zz", 1), nil, Input{Lines: 1, Broken: 1}},
		"short id":          {strings.Replace(line("a"), "0102", "", 1), nil, Input{Lines: 1, Broken: 1}},
		"no id":             {strings.Replace(line("a"), `"spanId"`, `"other"`, 1), nil, Input{Lines: 1, Broken: 1}},
		"a word":            {"the resourceSpans were \"resourceSpans\" {resourceSpans}\n", nil, Input{Lines: 1, Without: 1}},
		"newer OTLP":        {strings.Replace(line("a"), `"kind":2`, `"kind":2,"newer":{"traceId":""}`, 1), []string{"a"}, Input{Lines: 1, Documents: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got, in := read(t, iotest.OneByteReader(strings.NewReader(tt.text)))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("spans (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.in, in); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadKeepsEveryField(t *testing.T) {
	var data *tracepb.TracesData
	if _, err := Read(strings.NewReader(line("a")), func(d Document) error { data = d.Traces; return nil }); err != nil {
		t.Fatal(err)
	}
	s := data.ResourceSpans[0].ScopeSpans[0].Spans[0]
	if hex.EncodeToString(s.TraceId) != "0102030405060708090a0b0c0d0e0f10" || hex.EncodeToString(s.SpanId) != "0000000000000002" ||
		s.Kind != 2 || s.StartTimeUnixNano != 1795348800123456789 || s.Attributes[0].Value.GetIntValue() != 9007199254740993 || s.Flags != 257 {
		t.Errorf("got %v", s)
	}
}

func TestReadGzip(t *testing.T) {
	var b bytes.Buffer
	for _, text := range []string{line("a") + "\n", line("b") + "\n"} { // exports are joined by cat
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
	}
	if got, _ := read(t, &b); strings.Join(got, "") != "ab" {
		t.Errorf("got %q", got)
	}
	if _, err := Read(strings.NewReader("\x1f\x8bno"), nil); err == nil {
		t.Error("no error for a file that is not gzip")
	}
}

// TestReadLongLines: a line of many documents needs no more memory than one of them, and a document that is too large is
// skipped.
func TestReadLongLines(t *testing.T) {
	var messages []string
	var want []string
	for i := range 200 {
		name := strings.Repeat("n", i) + strings.Repeat(" x", 8000)
		messages, want = append(messages, line(name), "START"), append(want, name)
	}
	text := compact(export(messages...))
	if len(text) < 3*longLine {
		t.Fatalf("only %d bytes", len(text))
	}
	if got, in := read(t, strings.NewReader(text)); !cmp.Equal(got, want) || in.Broken != 0 {
		t.Errorf("%d spans of %d, %+v", len(got), len(want), in)
	}
	if got, in := read(t, iotest.HalfReader(strings.NewReader(strings.ReplaceAll(csvOf(messages...), "\n", " ")))); !cmp.Equal(got, want) || in.Broken != 0 {
		t.Errorf("in CSV: %d spans of %d, %+v", len(got), len(want), in)
	}
	huge := strings.Replace(line("huge"), `"key":"n"`, `"key":"`+strings.Repeat("k", 2*maxDocument)+`"`, 1)
	got, in := read(t, strings.NewReader(line("a")+"\n"+huge+"\n"+line("b")+"\n"))
	if strings.Join(got, "") != "ab" || in.Broken != 1 {
		t.Errorf("got %q, %+v", got, in)
	}
	blank := strings.Repeat(" ", 3*maxDocument)
	if got, _ := read(t, strings.NewReader(line("a")+blank+line("b"))); strings.Join(got, "") != "ab" {
		t.Errorf("around blanks: %q", got)
	}
}

// blocks reads at most 4 KiB at once, as a decompressor reads its blocks.
type blocks struct{ io.Reader }

func (r blocks) Read(b []byte) (int, error) { return r.Reader.Read(b[:min(len(b), 4<<10)]) }

// TestDocumentsWithoutEndTakeLinearTime: 8 MiB of them took more than ten seconds.
func TestDocumentsWithoutEndTakeLinearTime(t *testing.T) {
	for name, unit := range map[string]string{
		"plain": `{"resourceSpans":[`, "in a string": `{"resourceSpans":["x`, "escaped": `{\"resourceSpans\":[`, "doubled": `{""resourceSpans"":[`,
	} {
		begun := time.Now()
		in, err := Read(blocks{strings.NewReader(strings.Repeat(unit, 8<<20/len(unit)))}, func(Document) error { return nil })
		if took := time.Since(begun); err != nil || in.Broken == 0 || took > 5*time.Second {
			t.Errorf("%s: %+v, %v after %s", name, in, err, took)
		}
	}
}

func TestReadErrors(t *testing.T) {
	errStop := errors.New("stop")
	in, err := Read(strings.NewReader(line("a")+"\n"+line("b")+"\n"), func(Document) error { return errStop })
	if !errors.Is(err, errStop) || in.Documents != 1 {
		t.Errorf("%v, %+v", err, in)
	}
	_, err = Read(io.MultiReader(strings.NewReader(line("a")+"\n"), iotest.ErrReader(errStop)), func(Document) error { return nil })
	if !errors.Is(err, errStop) {
		t.Errorf("a reader's error: %v", err)
	}
}
