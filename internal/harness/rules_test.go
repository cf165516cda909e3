package harness

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// valid is a log that breaks no rule: milliseconds, kind, request id, detail, and a count if the detail begins with
// "count ".
const valid = `
0  process.start       -
0  extension.next      -
0  runtime.next        -
0  invoke.released     r1
0  invocation.released r1
20 function.line       -  span ended a work
20 response.posted     r1
20 caller.answered     r1
20 runtime.next        r1
20 export.begun        -  request 1
30 export.done         -  request 1: kept
30 extension.next      r1
30 phase.done          r1
30 freeze              -
40 thaw                -
40 sigterm             -
40 function.line       -  SIGTERM received
50 function.line       -  graceful shutdown completed
50 process.exit        -  count 0
`

// edit changes a log, which is a list of lines.
type edit func(lines []string) []string

// brokenLogs break one rule each.
var brokenLogs = []struct {
	name  string
	edits []edit
	rule  string
}{
	{"export before the response", []edit{
		move("export.begun", "response.posted"),
	}, "exports follow the response"},
	{"export before an error", []edit{
		move("export.begun", "response.posted"), replace("response.posted", "error.posted"),
	}, "exports follow the response"},
	{"export and no outcome at all", []edit{
		drop("response.posted"), drop("sigterm"), drop("process.exit"), drop("SIGTERM received"), drop("graceful"),
	}, "exports follow the response"},
	{"next during the flush", []edit{move("extension.next      r1", "export.done")}, "next follows the flush"},
	{"freeze during the flush", []edit{
		move("phase.done", "export.done"), move("freeze", "export.done"), drop("extension.next      r1"),
	}, "nothing is sent while frozen"},
	{"export while frozen", []edit{move("export.begun", "thaw"), move("export.done", "thaw")}, "nothing is sent while frozen"},
	{"a frozen process writes", []edit{
		insert("30 frozen.activity - write", "thaw"),
	}, "nothing is sent while frozen"},
	{"answered late", []edit{replace("20 caller.answered", "21 caller.answered")}, "callers are answered at the response"},
	{"answered before the post", []edit{move("caller.answered", "response.posted")}, "callers are answered at the response"},
	{"not answered", []edit{drop("caller.answered")}, "callers are answered at the response"},
	{"held until the timeout", []edit{insert("40 timeout r1", "extension.next      r1")}, "invocations end"},
	{"held forever", []edit{
		drop("phase.done"), drop("process.exit"), drop("sigterm"), drop("SIGTERM received"), drop("graceful"), drop("freeze"),
	}, "invocations end"},
	{"held longer than the flush", []edit{replace("30 phase.done", "31 phase.done")}, "nothing holds an invocation but a flush"},
	{"next asked for twice", []edit{insert("30 extension.next r1", "freeze")}, "one call of next for each event"},
	{"killed", []edit{insert("50 sigkill -", "process.exit")}, "shutdown is graceful"},
	{"exit code 1", []edit{replace("count 0", "count 1")}, "shutdown is graceful"},
	{"SIGTERM not logged", []edit{drop("SIGTERM received")}, "shutdown is graceful"},
	{"the end not logged", []edit{drop("graceful")}, "shutdown is graceful"},
}

// TestRulesCanFail shows that each rule holds of a valid log, and which logs break it and it alone.
func TestRulesCanFail(t *testing.T) {
	if got := broken(parse(t, strings.Split(strings.TrimSpace(valid), "\n"))); len(got) != 0 {
		t.Errorf("the valid log breaks %q", got)
	}
	tried := make(map[string]bool)
	for _, tc := range brokenLogs {
		t.Run(tc.name, func(t *testing.T) {
			lines := strings.Split(strings.TrimSpace(valid), "\n")
			for _, e := range tc.edits {
				before := slices.Clone(lines)
				if lines = e(lines); slices.Equal(before, lines) {
					t.Fatal("an edit changes nothing")
				}
			}
			if got := broken(parse(t, lines)); !slices.Equal(got, []string{tc.rule}) {
				t.Errorf("breaks %q; want %q alone\n%s", got, tc.rule, strings.Join(lines, "\n"))
			}
		})
		tried[tc.rule] = true
	}
	for name := range Rules {
		if !tried[name] {
			t.Errorf("no log breaks %q", name)
		}
	}
}

// exitDuringPost is a valid log: the process exits after SIGTERM while its response is being posted.
const exitDuringPost = `
0  process.start       -
0  extension.next      -
0  runtime.next        -
0  invoke.released     r1
0  invocation.released r1
10 sigterm             -
10 function.line       -  SIGTERM received
20 function.line       -  graceful shutdown completed
20 process.exit        -  count 0
20 caller.answered     r1
20 response.refused    r1
`

func TestCallerOfAProcessThatExitsDuringThePostIsAnsweredAtTheExit(t *testing.T) {
	const rule = "callers are answered at the response"
	for _, tc := range []struct {
		name   string
		edits  []edit
		breaks []string
	}{
		{"at the exit", nil, nil},
		{"later", []edit{replace("20 caller.answered", "21 caller.answered")}, []string{rule}},
		{"before the exit", []edit{move("caller.answered", "process.exit")}, []string{rule}},
	} {
		lines := strings.Split(strings.TrimSpace(exitDuringPost), "\n")
		for _, e := range tc.edits {
			lines = e(lines)
		}
		if got := broken(parse(t, lines)); !slices.Equal(got, tc.breaks) {
			t.Errorf("%s: breaks %q, want %q", tc.name, got, tc.breaks)
		}
	}
}

// TestExceptions shows that each permission is of consequence.
func TestExceptions(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(valid), "\n")
	for _, tc := range []struct {
		name  string
		edits []edit
		allow Allow
	}{
		{"early", []edit{move("export.begun", "response.posted")}, Allow{Early: map[string]bool{"r1": true}}},
		{"timeouts", []edit{insert("40 timeout r1", "extension.next      r1")}, Allow{Timeouts: map[string]bool{"r1": true}}},
		{"background", []edit{move("extension.next      r1", "export.begun")}, Allow{Background: true}},
		{"background, frozen", []edit{move("export.begun", "thaw"), move("export.done", "thaw")}, Allow{Background: true}},
	} {
		changed := slices.Clone(lines)
		for _, e := range tc.edits {
			changed = e(changed)
		}
		s := parse(t, changed)
		s.Allow = tc.allow
		if got := broken(s); len(got) != 0 {
			t.Errorf("%s: breaks %q", tc.name, got)
		}
	}
}

func TestDeliveryCheckCanFail(t *testing.T) {
	s := parse(t, strings.Split(strings.TrimSpace(valid), "\n"))
	a, b := otlpreceiver.Span{SpanID: "a"}, otlpreceiver.Span{SpanID: "b"}
	for _, tc := range []struct {
		name    string
		arrived []otlpreceiver.Span
		allow   Allow
		ok      bool
	}{
		{name: "delivered", arrived: []otlpreceiver.Span{a}, ok: true},
		{name: "missing"},
		{name: "missing, as allowed", allow: Allow{Lost: 1}, ok: true},
		{name: "delivered, although a loss is expected", arrived: []otlpreceiver.Span{a}, allow: Allow{Lost: 1}},
		{name: "twice", arrived: []otlpreceiver.Span{a, a}},
		{name: "twice, as allowed", arrived: []otlpreceiver.Span{a, a}, allow: Allow{Twice: true}, ok: true},
		{name: "never ended", arrived: []otlpreceiver.Span{a, b}},
	} {
		s.Allow = tc.allow
		if err := s.CheckDelivery(tc.arrived); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// point is a data point of the function's instruments, with n measurements.
func point(name, temporality string, start, end int64, n int) otlpreceiver.DataPoint {
	p := otlpreceiver.DataPoint{
		Name: name, Temporality: temporality, Start: time.Unix(start, 0), Time: time.Unix(end, 0),
		Attributes: map[string]any{"series": int64(0)},
	}
	if name == counterName {
		p.Value = int64(n)
		return p
	}
	sum := measuredSize * float64(n)
	p.Count, p.Sum = uint64(n), &sum //nolint:gosec // a small number
	return p
}

// both are points of the counter and of the histogram.
func both(temporality string, start, end int64, n int) []otlpreceiver.DataPoint {
	return []otlpreceiver.DataPoint{point(counterName, temporality, start, end, n), point(histogramName, temporality, start, end, n)}
}

func TestItemChecksCanFail(t *testing.T) {
	record := func(id string) otlpreceiver.LogRecord {
		return otlpreceiver.LogRecord{Attributes: map[string]any{recordID: id}}
	}
	two := both("cumulative", 1, 2, 2)
	for _, tc := range []struct {
		name    string
		records []otlpreceiver.LogRecord
		points  []otlpreceiver.DataPoint
		allow   Allow
		ok      bool
	}{
		{name: "delivered", records: []otlpreceiver.LogRecord{record("a")}, points: two, ok: true},
		{name: "missing", allow: Allow{LostRecords: 1}, records: nil, points: nil},
		{name: "missing, as allowed", allow: Allow{LostRecords: 1, LostMeasurements: 2}, ok: true},
		{name: "a record missing", points: two},
		{name: "a record twice", records: []otlpreceiver.LogRecord{record("a"), record("a")}, points: two},
		{name: "a record twice, as allowed", records: []otlpreceiver.LogRecord{record("a"), record("a")}, points: two, allow: Allow{Twice: true}, ok: true},
		{name: "another record", records: []otlpreceiver.LogRecord{record("a"), record("b")}, points: two},
		{name: "the last cumulative value counts", records: []otlpreceiver.LogRecord{record("a")}, points: slices.Concat(two, both("cumulative", 1, 1, 1)), ok: true},
		{name: "two processes", records: []otlpreceiver.LogRecord{record("a")}, points: slices.Concat(both("cumulative", 1, 2, 1), both("cumulative", 3, 4, 1)), ok: true},
		{name: "deltas", records: []otlpreceiver.LogRecord{record("a")}, points: slices.Concat(both("delta", 1, 2, 1), both("delta", 2, 3, 1)), ok: true},
		{name: "a delta twice", records: []otlpreceiver.LogRecord{record("a")}, points: slices.Concat(both("delta", 1, 2, 2), both("delta", 1, 2, 2))},
		{name: "no histogram", records: []otlpreceiver.LogRecord{record("a")}, points: two[:1]},
		{name: "too much", records: []otlpreceiver.LogRecord{record("a")}, points: both("cumulative", 1, 2, 3)},
	} {
		s := parse(t, []string{"0 function.line - record emitted a", "0 function.line - measured 2"})
		s.Allow = tc.allow
		if err := errors.Join(s.CheckRecords(tc.records), s.CheckMeasurements(tc.points)); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// broken names the rules that do not hold of s.
func broken(s *Events) []string {
	var names []string
	for name, check := range Rules {
		if check(s) != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// parse makes events in virtual time of lines.
func parse(t *testing.T, lines []string) *Events {
	t.Helper()
	s := &Events{Virtual: true, Backend: "collector:4318"}
	for i, line := range lines {
		fields := strings.Fields(line)
		ms, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatal(err)
		}
		e := eventlog.Event{
			Seq: i, At: time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond), Kind: eventlog.Kind(fields[1]),
			RequestID: strings.TrimPrefix(fields[2], "-"), Detail: strings.Join(fields[3:], " "),
		}
		if count, ok := strings.CutPrefix(e.Detail, "count "); ok {
			if e.Count, err = strconv.Atoi(count); err != nil {
				t.Fatal(err)
			}
		}
		if e.Detail == "write" {
			e.Who = s.Backend
		}
		s.All = append(s.All, e)
	}
	return s
}

// find returns the index of the first line that contains text, or -1.
func find(lines []string, text string) int {
	return slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, text) })
}

// drop removes the first line with text.
func drop(text string) edit {
	return func(lines []string) []string {
		i := find(lines, text)
		return slices.Delete(slices.Clone(lines), i, i+1)
	}
}

// insert puts line before the first line with text.
func insert(line, text string) edit {
	return func(lines []string) []string { return slices.Insert(slices.Clone(lines), find(lines, text), line) }
}

// move puts the first line with what before the first line with text.
func move(what, text string) edit {
	return func(lines []string) []string {
		line := lines[find(lines, what)]
		return insert(line, text)(drop(what)(lines))
	}
}

// replace changes what, in the first line that has it, to with.
func replace(what, with string) edit {
	return func(lines []string) []string {
		lines = slices.Clone(lines)
		i := find(lines, what)
		lines[i] = strings.Replace(lines[i], what, with, 1)
		return lines
	}
}
