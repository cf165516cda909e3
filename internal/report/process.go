package report

import (
	"fmt"
	"strings"
	"time"
)

// Init is the beginning of a process in the environment.
type Init struct {
	Took       time.Duration // until the runtime and every extension had asked for their first event
	Failure    string        // the platform's name for what went wrong; empty: nothing
	Extensions []string      // a phrase for each that registered
	Refused    []string      // a phrase for each refusal
}

// Line renders i on one line.
func (i Init) Line(st Style) string {
	parts := []string{"took " + Duration(i.Took)}
	switch {
	case i.Failure != "":
		parts[0] = st.Fault("failed: " + i.Failure)
	case i.Took == 0:
		parts[0] = st.Fault("did not finish")
	}
	parts = append(append(parts, i.Extensions...), i.Refused...)
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
	Cause   Cause
	SIGTERM bool          // the process was given SIGTERM
	Left    int           // spans that arrived after SIGTERM
	Last    time.Duration // from SIGTERM until the last of them had arrived
	Exited  time.Duration // from SIGTERM until the process had ended
	Window  time.Duration // from SIGTERM to SIGKILL
	Killed  bool          // SIGKILL was sent
	Code    int           // the process's exit code
}

// Line renders s on one line: how the process ended, what was left at SIGTERM, and how much of the window it took.
func (s Shutdown) Line(st Style) string {
	switch {
	case s.Cause == CauseItself:
		return phase(st, fmt.Sprintf("exit %d", s.Code), "the process ended by itself; no SIGTERM comes before that")
	case !s.SIGTERM:
		return phase(st, "SIGKILL", s.because()+"at once, as no extension is registered")
	}
	text := s.because() + "nothing was left"
	if s.Left > 0 {
		text = fmt.Sprintf("%s%s left, delivered in %s", s.because(), plural(s.Left, "span"), Duration(s.Last))
	}
	if s.Killed {
		text += "; " + st.Fault("SIGKILL after "+words(s.Window))
	} else {
		text += fmt.Sprintf("; exit %d after %s of the %s window", s.Code, Duration(s.Exited), words(s.Window))
	}
	return phase(st, "SIGTERM", text)
}

// because says why the process has to end, where that was not the plain end of the environment.
func (s Shutdown) because() string {
	if s.Cause == CauseTimeout {
		return "after the timeout: "
	}
	return ""
}

// Pause is a freeze of the environment that was long enough to speak of.
type Pause struct {
	Took  time.Duration
	Words string // what happened meanwhile
}

// Line renders p on one line.
func (p Pause) Line(st Style) string {
	text := "for " + Duration(p.Took)
	if p.Words != "" {
		text += "; " + p.Words
	}
	return phase(st, "frozen", text)
}

// phase renders a line between the invocations.
func phase(st Style, name, text string) string {
	return strings.Repeat(" ", numberColumns+1) + st.Title(left(name, kindColumns)) + "  " + text + "\n"
}
