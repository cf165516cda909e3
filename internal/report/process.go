package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Init is the start of a process in the environment.
type Init struct {
	Took       time.Duration // until the runtime and every extension had asked for their first event
	Failure    string        // the platform's name for the error; empty: no error
	Extensions []string      // a phrase for each that registered
	Refused    []string      // a phrase for each refusal
}

// Line renders i on one line.
func (i Init) Line(st Style) string {
	parts := []string{"took " + Duration(i.Took)}
	switch {
	case i.Failure != "":
		parts[0] = st.Fault("failed: " + Visible(i.Failure))
	case i.Took == 0:
		parts[0] = st.Fault("did not finish")
	}
	for _, phrase := range slices.Concat(i.Extensions, i.Refused) {
		parts = append(parts, Visible(phrase))
	}
	if len(i.Extensions) == 0 && i.Failure == "" {
		parts = append(parts, "no extension is registered, so no SIGTERM will come")
	}
	return phase(st, "init", strings.Join(parts, "; "))
}

// Cause says why a process ended.
type Cause int

// The causes.
const (
	CauseEnd     Cause = iota // the environment ended it
	CauseTimeout              // an invocation took longer than the function's timeout
	CauseItself               // it exited by itself, as after a panic
)

// Shutdown is the end of a process in the environment.
type Shutdown struct {
	Process int // its number
	Cause   Cause
	SIGTERM bool          // the process was given SIGTERM
	Window  time.Duration // from SIGTERM to SIGKILL
	Exited  time.Duration // from SIGTERM until the process had ended
	Killed  bool          // SIGKILL was sent
	Code    int           // the process's exit code; -1 if a signal ended it
	Signal  string        // the signal that ended it, such as "killed"

	Left   int           // spans that arrived after SIGTERM
	Last   time.Duration // from SIGTERM until the last of them had arrived
	Kept   int           // spans that it could not deliver, by its own count
	Unseen bool          // the telemetry goes elsewhere, so Left is unknown
}

// Line renders s on one line: how the process ended, the spans pending at SIGTERM, and the used part of the window.
func (s Shutdown) Line(st Style) string {
	switch {
	case s.Cause == CauseItself && s.Signal != "":
		return phase(st, "signal", fmt.Sprintf("the signal %q ended the process; no SIGTERM comes before that", s.Signal))
	case s.Cause == CauseItself:
		return phase(st, fmt.Sprintf("exit %d", s.Code), "the process ended by itself; no SIGTERM comes before that")
	case !s.SIGTERM:
		return phase(st, "SIGKILL", s.because()+"at once, as no extension is registered")
	}
	end := fmt.Sprintf("exit %d", s.Code)
	if s.Signal != "" {
		end = fmt.Sprintf("ended by the signal %q", s.Signal)
	}
	end += fmt.Sprintf(" after %s of %s", Duration(s.Exited), words(s.Window))
	if s.Killed {
		end = st.Fault("SIGKILL after " + words(s.Window))
	}
	return phase(st, "SIGTERM", s.because()+strings.Join(append(s.leftOver(st), end), "; "))
}

// leftOver describes the spans that were pending at SIGTERM, delivered and not.
func (s Shutdown) leftOver(st Style) []string {
	var parts []string
	if s.Left > 0 {
		parts = append(parts, fmt.Sprintf("%s left, delivered in %s", Plural(s.Left, "span"), Duration(s.Last)))
	}
	if s.Kept > 0 {
		parts = append(parts, st.Fault(Plural(s.Kept, "span")+" not delivered"))
	}
	if len(parts) == 0 && !s.Unseen {
		parts = append(parts, "nothing was left")
	}
	return parts
}

// because names the cause of the shutdown if it is not the ordinary end of the environment.
func (s Shutdown) because() string {
	if s.Cause == CauseTimeout {
		return "after the timeout: "
	}
	return ""
}

// Pause is a freeze of the environment that is long enough to be shown.
type Pause struct {
	Took  time.Duration
	Words string // describes the events during the freeze
}

// Line renders p on one line.
func (p Pause) Line(st Style) string {
	text := "for " + Duration(p.Took)
	if p.Words != "" {
		text += "; " + Visible(p.Words)
	}
	return phase(st, "frozen", text)
}

// phase renders a line between the invocations.
func phase(st Style, name, text string) string {
	return strings.Repeat(" ", numberColumns+1) + st.Title(left(name, kindColumns)) + "  " + text + "\n"
}
