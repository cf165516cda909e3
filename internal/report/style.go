package report

import "strings"

// Style says how text may be decorated. The zero value is plain text.
type Style struct {
	Color bool // ANSI colours; set it where the output is a terminal
}

// StyleFor returns the style for an output: colours where it is a terminal, unless the environment variable
// NO_COLOR is set to anything but the empty string, or TERM is "dumb".
func StyleFor(terminal bool, getenv func(string) string) Style {
	return Style{Color: terminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"}
}

// An ink is the number of an ANSI display attribute.
type ink string

const (
	bold   ink = "1"
	dim    ink = "2"
	red    ink = "31"
	green  ink = "32"
	yellow ink = "33"
	cyan   ink = "36"
)

// paint returns s in the given ink, or s as it is where colours are off or there is nothing to see.
func (st Style) paint(i ink, s string) string {
	if !st.Color || s == "" {
		return s
	}
	body, isLine := strings.CutSuffix(s, "\n")
	body = "\x1b[" + string(i) + "m" + body + "\x1b[0m"
	if isLine {
		body += "\n"
	}
	return body
}

// Fault returns s as something that went wrong.
func (st Style) Fault(s string) string { return st.paint(red, s) }

// Quiet returns s as something that matters less than what is around it.
func (st Style) Quiet(s string) string { return st.paint(dim, s) }

// Title returns s as a heading.
func (st Style) Title(s string) string { return st.paint(bold, s) }
