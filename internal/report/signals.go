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

// Line renders s on one line. It is empty if there was no item.
func (s Signal) Line(st Style) string {
	if s.Received == 0 && s.Ended == 0 {
		return ""
	}
	var parts []string
	if s.Received > 0 {
		parts = append(parts, fmt.Sprintf("%d received in %s", s.Received, Plural(s.Requests, "request")))
	}
	if s.Counted {
		parts = append(parts, fmt.Sprintf("own count: %d ended, %d exported", s.Ended, s.Exported))
		if s.Superseded > 0 {
			parts = append(parts, fmt.Sprintf("%d superseded", s.Superseded))
		}
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
		for _, directive := range members.EMF.CloudWatchMetrics {
			o.Metrics += len(directive.Metrics)
		}
	case members.TraceID != nil:
		o.LogLines++
		o.Traced++
	case members.Level != nil:
		o.LogLines++
	}
}

// Line renders o on one line. It is empty if nothing was counted.
func (o Output) Line() string {
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
	return left("standard output", processColumns) + strings.Join(parts, "; ") + "\n"
}
