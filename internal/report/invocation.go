package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Invocation describes one invocation. Moments are the time since it began, when the environment was woken for it; a
// zero moment did not come.
type Invocation struct {
	Number    int    // from 1, in the order of delivery
	RequestID string // of the platform
	Kind      string // how it began or ended, in a word: cold, warm, thawed, error, refused, panic, exit, timeout
	Request   string // the request in a few words: "POST /orders"
	Answer    string // the caller's view: an HTTP status, "ok", "error", "timeout"
	Failed    bool   // the function did not answer
	Planned   bool   // this end was asked for, so it is not painted as a fault

	Posted     time.Duration // the runtime posted the response or the error
	FlushBegan time.Duration // the first request with telemetry reached the receiver after the invocation began
	FlushEnded time.Duration // the last of them was answered
	Flush      string        // instead of these two: why they are unknown
	Spans      int           // spans that these requests brought and the receiver took
	Refusals   int           // how many of these requests the receiver refused
	Early      bool          // spans left before the response was posted
	Frozen     time.Duration // the runtime and every extension had asked for the next event
	Billed     time.Duration // the billed time, to the end of the phase, without Init
	Handler    time.Duration // the part of it up to the response
	After      time.Duration // the part of it after the response

	Notes []string // sentences about unusual events, a line each
}

// The columns of an invocation's line.
const (
	numberColumns   = 2
	kindColumns     = 7
	requestColumns  = 14
	answerColumns   = 6
	momentColumns   = 8
	intervalColumns = 13
	spansColumns    = 5
	billedColumns   = 6
	barColumns      = 8
	noteIndent      = numberColumns + 1 + kindColumns + 2
)

// Legend explains the figures and the bars of a table.
const Legend = "times count from the moment the environment wakes; █ until the response, ▒ after it"

// Heading returns the two lines above a table of invocations.
func Heading(st Style) string {
	line := func(request, answer, posted, flush, spans, frozen, billed, after, bar string) string {
		return strings.TrimRight(fmt.Sprintf("%s%s %s %s  %s %s  %s  %s %s  %s",
			strings.Repeat(" ", noteIndent), left(request, requestColumns), right(answer, answerColumns),
			right(posted, momentColumns), right(flush, intervalColumns), right(spans, spansColumns),
			right(frozen, momentColumns), right(billed, billedColumns), right(after, momentColumns), bar), " ") + "\n"
	}
	return st.Title(line("", "", "response", "flush", "", "", "", "of it", "")) +
		st.Title(line("request", "answer", "posted", "began–ended", "spans", "frozen", "billed", "after", ""))
}

// Line renders v on one line, and a line for each note.
func (v Invocation) Line(st Style) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s  %s %s ", right(strconv.Itoa(v.Number), numberColumns), v.kind(st),
		left(v.Request, requestColumns), v.answer(st))
	fmt.Fprintf(&b, "%s  %s %s  %s  ", right(moment(v.Posted), momentColumns), v.flush(st),
		right(count(v.Spans), spansColumns), right(moment(v.Frozen), momentColumns))
	fmt.Fprintf(&b, "%s %s  %s", right(billed(v.Billed), billedColumns), right(v.after(), momentColumns), v.bar(st))
	lines := []string{strings.TrimRight(b.String(), " ") + "\n"}
	for _, note := range v.Notes {
		lines = append(lines, Note(st, note))
	}
	return strings.Join(lines, "")
}

// Note renders a sentence that belongs to the line above it, cut to the line's width.
func Note(st Style, text string) string {
	return strings.Repeat(" ", noteIndent) + st.Quiet(Shorten(text, Width-noteIndent)) + "\n"
}

func (v Invocation) kind(st Style) string {
	text := left(v.Kind, kindColumns)
	if v.Kind == "warm" {
		return text
	}
	return st.paint(cyan, text)
}

func (v Invocation) answer(st Style) string {
	text := right(v.Answer, answerColumns)
	switch {
	case v.Failed && v.Planned:
		return st.paint(yellow, text)
	case v.Failed:
		return st.Fault(text)
	default:
		return st.paint(green, text)
	}
}

func (v Invocation) flush(st Style) string {
	if v.Flush != "" {
		return st.Quiet(right(v.Flush, intervalColumns))
	}
	text := right(interval(v.FlushBegan, v.FlushEnded), intervalColumns)
	if v.Early && !v.Planned {
		return st.Fault(text)
	}
	return text
}

// after renders the billed time after the response.
func (v Invocation) after() string {
	if v.Billed == 0 {
		return "–"
	}
	return Duration(v.After)
}

// bar draws the billed time: the handler's part, then the time after the response.
func (v Invocation) bar(st Style) string {
	whole := v.Handler + v.After
	if whole == 0 {
		return ""
	}
	handler := portion(v.Handler, whole, barColumns)
	return strings.Repeat("█", handler) + st.paint(cyan, strings.Repeat("▒", barColumns-handler))
}

// portion returns how many of n columns show part of whole: at least one unless part is zero, and all of them only if
// part is whole.
func portion(part, whole time.Duration, n int) int {
	if part <= 0 || whole <= 0 {
		return 0
	}
	if part >= whole {
		return n
	}
	return min(n-1, max(1, int((int64(part)*int64(n)+int64(whole)/2)/int64(whole))))
}

// moment renders a time since the invocation began; one that did not come is a dash.
func moment(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return Duration(d)
}

// billed renders a billed time, which is in whole milliseconds.
func billed(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return words(d)
}

// interval renders two moments, with one unit if they share it, in the precision that fits intervalColumns.
func interval(from, to time.Duration) string {
	switch {
	case to == 0:
		return "–"
	case to < 100*time.Millisecond:
		return millis(from) + "–" + millis(to) + " ms"
	case to < time.Second-time.Millisecond/2:
		return rounded(from) + "–" + rounded(to) + " ms"
	case from < time.Second:
		return rounded(from) + " ms–" + seconds(to) + " s"
	default:
		return seconds(from) + "–" + seconds(to) + " s"
	}
}

// rounded renders d in whole milliseconds, without the unit.
func rounded(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 0, 64)
}

// seconds renders d without the unit, with as many decimals as keep it short.
func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64)
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64)
}

// count renders a number; none is a dash.
func count(n int) string {
	if n == 0 {
		return "–"
	}
	return strconv.Itoa(n)
}
