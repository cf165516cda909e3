package otlpreceiver

import (
	"time"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
)

// LogRecord is a received log record. IDs are in lower-case hex, "" for none; the package doc lists the types of the body
// and of attribute values.
type LogRecord struct {
	Time, Observed    time.Time // zero for none
	Severity          string    // the text that the record has, such as "WARN"
	SeverityNumber    int       // from 1 (TRACE) to 24 (FATAL4); 0 for none
	EventName         string
	Body              any
	Attributes        map[string]any
	DroppedAttributes uint32
	TraceID, SpanID   string
	Flags             uint32 // W3C trace flags

	Source
}

func (d *decoder) records(request *logspb.LogsData) []LogRecord {
	var out []LogRecord
	for _, rl := range request.GetResourceLogs() {
		resource := attributes(rl.GetResource().GetAttributes())
		for _, sl := range rl.GetScopeLogs() {
			from := source(resource, sl.GetScope())
			for _, r := range sl.GetLogRecords() {
				out = append(out, LogRecord{
					Time: instant(r.GetTimeUnixNano()), Observed: instant(r.GetObservedTimeUnixNano()),
					Severity: r.GetSeverityText(), SeverityNumber: int(r.GetSeverityNumber()),
					EventName: r.GetEventName(), Body: plain(r.GetBody()),
					Attributes: attributes(r.GetAttributes()), DroppedAttributes: r.GetDroppedAttributesCount(),
					TraceID: d.id(r.GetTraceId(), 16), SpanID: d.id(r.GetSpanId(), 8), Flags: r.GetFlags(),
					Source: from,
				})
			}
		}
	}
	return out
}
