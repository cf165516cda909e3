package report

import (
	"fmt"
	"strings"
	"time"
)

// Init is the beginning of a process in the environment.
type Init struct {
	Took       time.Duration // until the runtime and every extension had asked for their first event
	Extensions []string      // a phrase for each: `extension "epilogue" registered for INVOKE`
}

// Line renders i on one line.
func (i Init) Line(st Style) string {
	text := "took " + Duration(i.Took)
	if i.Took == 0 {
		text = "not finished"
	}
	switch {
	case len(i.Extensions) > 0:
		text += "; " + strings.Join(i.Extensions, "; ")
	default:
		text += "; no extension registered, so the process will get SIGKILL and never SIGTERM"
	}
	return phase(st, "init", text)
}

// Shutdown is the end of a process in the environment.
type Shutdown struct {
	Cause   string        // why, in a few words: "end of the environment"
	SIGTERM bool          // the process was given SIGTERM; else it got SIGKILL at once
	Left    int           // spans that arrived after SIGTERM
	Last    time.Duration // from SIGTERM until the last of them had arrived
	Exited  time.Duration // from SIGTERM until the process had exited; 0 where it was killed
	Window  time.Duration // from SIGTERM to SIGKILL
	Code    int           // the process's exit code
	Killed  bool          // the window passed, or there was none
}

// Line renders s on one line.
func (s Shutdown) Line(st Style) string { return phase(st, "end", s.Sentence()) }

// Sentence says what was left at SIGTERM, and how much of the window it took.
func (s Shutdown) Sentence() string {
	if !s.SIGTERM {
		return s.Cause + ": SIGKILL at once, because no extension is registered"
	}
	text := s.Cause + ": SIGTERM, no span was left"
	if s.Left > 0 {
		text = fmt.Sprintf("%s: SIGTERM, %s left, delivered in %s", s.Cause, plural(s.Left, "span"), Duration(s.Last))
	}
	if s.Killed {
		return text + ", SIGKILL after " + words(s.Window)
	}
	return fmt.Sprintf("%s, exit %d after %s of %s", text, s.Code, Duration(s.Exited), words(s.Window))
}

// Pause is a freeze of the environment that was long enough to speak of.
type Pause struct {
	Took  time.Duration
	Words string // what happened meanwhile
}

// Line renders p on one line.
func (p Pause) Line(st Style) string {
	text := "frozen for " + Duration(p.Took)
	if p.Words != "" {
		text += "; " + p.Words
	}
	return phase(st, "❄", text)
}

// phase renders a line between the invocations.
func phase(st Style, name, text string) string {
	return strings.Repeat(" ", numberColumns+1) + st.Title(left(name, kindColumns)) + "  " + text + "\n"
}
