package invariant

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// sound is a log as it should be: milliseconds, kind, request id, detail, and a count where it begins with "count ".
const sound = `
0  process.start       -
0  extension.next      -
0  runtime.next        -
0  invoke.released     r1
0  invocation.released r1
20 function.said       -  span ended a
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
40 function.said       -  SIGTERM received
50 function.said       -  graceful shutdown completed
50 process.exit        -  count 0
`

// edit changes a log, which is a list of lines.
type edit func(lines []string) []string

// doctored are logs that break one rule each.
var doctored = []struct {
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
	{"a frozen process dials", []edit{
		insert("30 frozen.activity - dial", "thaw"),
	}, "nothing is sent while frozen"},
	{"answered late", []edit{replace("20 caller.answered", "21 caller.answered")}, "callers are answered at the response"},
	{"answered before the post", []edit{move("caller.answered", "response.posted")}, "callers are answered at the response"},
	{"not answered", []edit{drop("caller.answered")}, "callers are answered at the response"},
	{"held until the timeout", []edit{insert("40 timeout r1", "extension.next      r1")}, "phases end"},
	{"held for ever", []edit{
		drop("phase.done"), drop("process.exit"), drop("sigterm"), drop("SIGTERM received"), drop("graceful"), drop("freeze"),
	}, "phases end"},
	{"held longer than the flush", []edit{replace("30 phase.done", "31 phase.done")}, "the next invocation waits for none"},
	{"next asked for twice", []edit{insert("30 extension.next r1", "freeze")}, "one next for each event"},
	{"killed", []edit{insert("50 sigkill -", "process.exit")}, "shutdown is graceful"},
	{"exit code 1", []edit{replace("count 0", "count 1")}, "shutdown is graceful"},
	{"SIGTERM not noticed", []edit{drop("SIGTERM received")}, "shutdown is graceful"},
	{"the end not told", []edit{drop("graceful")}, "shutdown is graceful"},
}

// TestRulesCanFail shows that each rule holds of a sound log, and which logs break it and it alone.
func TestRulesCanFail(t *testing.T) {
	if got := broken(parse(t, strings.Split(strings.TrimSpace(sound), "\n"))); len(got) != 0 {
		t.Errorf("the sound log breaks %q", got)
	}
	tried := make(map[string]bool)
	for _, tc := range doctored {
		t.Run(tc.name, func(t *testing.T) {
			lines := strings.Split(strings.TrimSpace(sound), "\n")
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

// TestWhatIsPermitted shows that each permission is of consequence.
func TestWhatIsPermitted(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(sound), "\n")
	for _, tc := range []struct {
		name   string
		edits  []edit
		permit Permit
	}{
		{"early", []edit{move("export.begun", "response.posted")}, Permit{Early: map[string]bool{"r1": true}}},
		{"timeouts", []edit{insert("40 timeout r1", "extension.next      r1")}, Permit{Timeouts: map[string]bool{"r1": true}}},
		{"beside", []edit{move("extension.next      r1", "export.begun")}, Permit{Beside: true}},
		{"beside, frozen", []edit{move("export.begun", "thaw"), move("export.done", "thaw")}, Permit{Beside: true}},
	} {
		changed := slices.Clone(lines)
		for _, e := range tc.edits {
			changed = e(changed)
		}
		s := parse(t, changed)
		s.Permit = tc.permit
		if got := broken(s); len(got) != 0 {
			t.Errorf("%s: breaks %q", tc.name, got)
		}
	}
}

func TestSpansAreDeliveredCanFail(t *testing.T) {
	s := parse(t, strings.Split(strings.TrimSpace(sound), "\n"))
	a, b := otlpreceiver.Span{SpanID: "a"}, otlpreceiver.Span{SpanID: "b"}
	early := otlpreceiver.Span{SpanID: "a", Attributes: map[string]any{"epilogue.provisional": true}}
	for _, tc := range []struct {
		name    string
		arrived []otlpreceiver.Span
		permit  Permit
		ok      bool
	}{
		{name: "delivered", arrived: []otlpreceiver.Span{a}, ok: true},
		{name: "missing"},
		{name: "missing as said", permit: Permit{Lost: 1}, ok: true},
		{name: "delivered against what was said", arrived: []otlpreceiver.Span{a}, permit: Permit{Lost: 1}},
		{name: "twice", arrived: []otlpreceiver.Span{a, a}},
		{name: "twice as said", arrived: []otlpreceiver.Span{a, a}, permit: Permit{Twice: true}, ok: true},
		{name: "never ended", arrived: []otlpreceiver.Span{a, b}},
		{name: "a copy", arrived: []otlpreceiver.Span{early, a}},
		{name: "a copy as said", arrived: []otlpreceiver.Span{early, a}, permit: Permit{Copies: 1}, ok: true},
		{name: "a copy alone", arrived: []otlpreceiver.Span{early}, permit: Permit{Copies: 1}},
		{name: "no copy against what was said", arrived: []otlpreceiver.Span{a}, permit: Permit{Copies: 1}},
	} {
		s.Permit = tc.permit
		if err := SpansAreDelivered(s, tc.arrived); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// broken names the rules that do not hold of s.
func broken(s *Story) []string {
	var names []string
	for name, holds := range Rules {
		if holds(s) != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// parse makes a story in virtual time of lines.
func parse(t *testing.T, lines []string) *Story {
	t.Helper()
	s := &Story{Exact: true, Collector: "collector:4318"}
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
		if e.Detail == "dial" {
			e.Who = s.Collector
		}
		s.Events = append(s.Events, e)
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
