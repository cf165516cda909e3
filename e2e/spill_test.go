package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// If the backend is down at the end, the function writes the spans that are left as lines of OTLP, equal in every field. With
// `epilogue replay` each of them reaches a Collector once: from the log, from an export of it, and from the lines alone.
func TestSpilledSpansReachACollector(t *testing.T) {
	t.Parallel()
	s := startProxied(t, "EPILOGUE_SPILL=stderr")
	s.invokeTimes(1)
	s.proxy.down()
	s.invokeTimes(2)
	s.shutdown()
	log := s.log()
	_, left := split(readRecord(t, s.record), readDelivered(t, s.col.file))
	if got := readCounts(t, log); len(left) != 2*(spansEach+2) || got["pending"] != 0 || got["spilled"] != len(left) {
		t.Fatalf("%d spans did not arrive; the function says %v\n%s", len(left), got, log)
	}

	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	lines := write("lines.jsonl", documents(log))
	compare(t, left, readDelivered(t, lines))

	col := startCollector(t)
	epilogue := build(t, "..", "./cmd/epilogue", nil, raceFlags)
	out, err := exec.CommandContext(t.Context(), epilogue, "replay", "-endpoint", col.url+"/v1/traces",
		write("export.json", filterLogEvents(t, surround(log))), lines, write("plain.log", surround(log))).CombinedOutput()
	if want := fmt.Sprintf("; %d sent", len(left)); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v; want %q in\n%s", err, want, out)
	}
	col.stop(t)
	compare(t, left, readDelivered(t, col.file))
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
