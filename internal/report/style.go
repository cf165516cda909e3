package report

import "strings"

// Style is the decoration of text. The zero value is plain text.
type Style struct {
	Color bool // ANSI colors; set it if the output is a terminal
}

// StyleFor returns the style for an output: colors if it is a terminal, unless the environment variable
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

// paint returns s in the given ink, or s unchanged if colors are off or s is empty.
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

// Fault returns s in the style of a failure.
func (st Style) Fault(s string) string { return st.paint(red, s) }

// Quiet returns s in the style of a detail.
func (st Style) Quiet(s string) string { return st.paint(dim, s) }

// Title returns s in the style of a heading.
func (st Style) Title(s string) string { return st.paint(bold, s) }
