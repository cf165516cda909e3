package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// If the backend is down at the end, the spilled lines reach a Collector in two ways: a Collector reads them from a file, and
// `epilogue replay` sends them, from the log, from an export of it, or from both. Each time every span arrives once, with
// the same fields as an exported one.
func TestSpilledSpansReachACollector(t *testing.T) {
	t.Parallel()
	s := newRun(t, "EPILOGUE_SPILL=stderr")
	s.invoke(spansEach)
	s.proxy.down()
	s.invoke(spansEach)
	s.invoke(0)
	s.shutdown()
	log := s.stderr.String()
	usual := readDelivered(t, s.col.file)
	written := missing(readRecord(t, s.record), usual)
	got := readCounts(t, log)
	if len(written) != spansEach+2+2 || got["pending"] != 0 || got["spilled"] != len(written) {
		t.Fatalf("%d spans did not arrive; the function says %v\n%s", len(written), got, log)
	}
	schemas := resourceSchemas(t, s.col.file)

	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	lines := write("lines.jsonl", documents(log))
	plain := write("plain.log", surround(log))
	export := write("export.json", filterLogEvents(t, surround(log)))
	epilogue := build(t, "..", "./cmd/epilogue", nil, raceFlags)
	for _, way := range []struct {
		name   string
		file   string   // for the Collector to read
		replay []string // files to replay
	}{
		{name: "a file that the Collector reads", file: lines},
		{name: "replay of the log", replay: []string{plain}},
		{name: "replay of what aws logs filter-log-events prints", replay: []string{export}},
		{name: "replay of everything at once", replay: []string{export, lines, plain}},
	} {
		t.Run(way.name, func(t *testing.T) {
			var col *collector
			if way.file != "" {
				col = startReader(t, way.file)
			} else {
				col = startCollector(t)
				replay(t, epilogue, col.url, len(written), way.replay)
			}
			col.stop(t)
			compare(t, slices.Clone(written), readDelivered(t, col.file))
			if diff := gocmp.Diff(schemas, resourceSchemas(t, col.file)); diff != "" {
				t.Errorf("schemas of resources (-the usual way +this way):\n%s", diff)
			}
		})
	}
}

// replay runs the command and expects it to say that it has sent n spans.
func replay(t *testing.T, epilogue, url string, n int, files []string) {
	t.Helper()
	args := append([]string{"replay", "-endpoint", url + "/v1/traces"}, files...)
	out, err := exec.CommandContext(t.Context(), epilogue, args...).CombinedOutput()
	if want := fmt.Sprintf("; %d sent", n); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v: %v; want %q in\n%s", args, err, want, out)
	}
}

// missing are the spans that are not among others.
func missing(spans, others []span) []span {
	there := among(spans, others)
	return slices.DeleteFunc(slices.Clone(spans), func(s span) bool {
		return slices.ContainsFunc(there, func(o span) bool { return o.SpanID == s.SpanID })
	})
}

// documents are the lines of a log that are OTLP.
func documents(log string) string {
	var out strings.Builder
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, `{"resourceSpans"`) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// surround puts a log among what else there is in a function's log group.
func surround(log string) string {
	return `INIT_START Runtime Version: provided:al2023.v59
START RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd Version: $LATEST
{"time":"2026-11-22T10:00:00Z","type":"platform.start","record":{"requestId":"8476a536","spans":[]}}
{"level":"info","msg":"an order for \"resourceSpans\", of which there are none: {}"}
` + log + `END RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd
REPORT RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd	Duration: 12.11 ms	Billed Duration: 13 ms
`
}

// filterLogEvents is how the AWS CLI prints such a log.
func filterLogEvents(t *testing.T, log string) string {
	t.Helper()
	type event struct {
		LogStreamName string `json:"logStreamName"`
		Timestamp     int64  `json:"timestamp"`
		Message       string `json:"message"`
		IngestionTime int64  `json:"ingestionTime"`
		EventID       string `json:"eventId"`
	}
	var events []event
	for line := range strings.Lines(log) {
		at := 1763840000000 + int64(len(events))
		events = append(events, event{"2026/11/22/[$LATEST]0d1e2f", at, line, at + 900, fmt.Sprintf("3%055d", len(events))})
	}
	text, err := json.MarshalIndent(map[string]any{"events": events, "searchedLogStreams": []string{}}, "", "    ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
