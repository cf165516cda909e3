package report

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Signal is the delivery of data points or log records.
type Signal struct {
	Item     string // the name of one: "data point"
	Received int    // items that the receiver took
	Requests int    // the requests that brought them
	Counted  bool   // a process reported Counts
	Counts
}

// Undelivered returns the number of items that the processes could not export, by their own counts.
func (s Signal) Undelivered() int { return s.Pending + s.Dropped }

// Line renders s on one line. It is empty if there was no item. Counts are those of all exporters, as processes report them at
// SIGTERM.
func (s Signal) Line(st Style) string {
	if s.Received == 0 && s.Ended == 0 {
		return ""
	}
	var parts []string
	if s.Received > 0 {
		parts = append(parts, fmt.Sprintf("%d received in %s", s.Received, Plural(s.Requests, "request")))
	}
	if s.Counted {
		own := fmt.Sprintf("at SIGTERM: %d ended, %d exported", s.Ended, s.Exported)
		if s.Superseded > 0 {
			own += fmt.Sprintf(", %d superseded", s.Superseded)
		}
		parts = append(parts, own)
	}
	if n := s.Undelivered(); n > 0 {
		parts = append(parts, st.Fault(fmt.Sprintf("%d not delivered", n)))
	}
	return left(s.Item+"s", processColumns) + strings.Join(parts, "; ") + "\n"
}

// Output counts the telemetry in the lines of a function's standard output.
type Output struct {
	EMFLines int // objects with a member _aws
	Metrics  int // the metrics that these define
	LogLines int // objects with a member level or trace_id
	Traced   int // those with a trace_id

	EMFLine, LogLine string // the shortest EMF line, and the first log line with a trace_id
}

// Add counts one line.
func (o *Output) Add(line string) {
	var members struct {
		EMF *struct {
			CloudWatchMetrics []struct{ Metrics []struct{} }
		} `json:"_aws"`
		Level   json.RawMessage `json:"level"`
		TraceID json.RawMessage `json:"trace_id"`
	}
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &members) != nil {
		return
	}
	switch {
	case members.EMF != nil:
		o.EMFLines++
		if o.EMFLine == "" || len(line) < len(o.EMFLine) {
			o.EMFLine = line
		}
		for _, directive := range members.EMF.CloudWatchMetrics {
			o.Metrics += len(directive.Metrics)
		}
	case members.TraceID != nil:
		o.LogLines++
		o.Traced++
		if o.LogLine == "" {
			o.LogLine = line
		}
	case members.Level != nil:
		o.LogLines++
	}
}

// Lines renders o on one line, and the two lines that it keeps below it. It is empty if nothing was counted.
func (o Output) Lines(st Style) string {
	var parts []string
	if o.EMFLines > 0 {
		parts = append(parts, Plural(o.EMFLines, "EMF line")+" with "+Plural(o.Metrics, "metric"))
	}
	if o.LogLines > 0 {
		parts = append(parts, fmt.Sprintf("%s in JSON, %d with a trace id", Plural(o.LogLines, "log line"), o.Traced))
	}
	if len(parts) == 0 {
		return ""
	}
	var text strings.Builder
	text.WriteString(left("standard output", processColumns) + strings.Join(parts, "; ") + "\n")
	for _, line := range []string{o.EMFLine, o.LogLine} {
		if line != "" {
			text.WriteString(wrapped(st, line))
		}
	}
	return text.String()
}

// wrapped renders a line of JSON, which has no spaces, on as many lines as it needs.
func wrapped(st Style, line string) string {
	const indent = "  "
	rest := []rune(Visible(line))
	var b strings.Builder
	for len(rest) > 0 {
		n := min(len(rest), Width-len(indent))
		b.WriteString(indent + st.Quiet(string(rest[:n])) + "\n")
		rest = rest[n:]
	}
	return b.String()
}
