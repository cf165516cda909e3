package loglines

import (
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/epilogue-go/epilogue/internal/jsontext"
)

const (
	// maxLine is the limit of a line. Lambda has been seen to cut lines at 65,536 and at 262,118 bytes.
	maxLine = 60_000
	// maxMessage is where the message ends in a line that is cut, so that attributes have some room.
	maxMessage = 40_000
	// usefulRoom is the room below which no more attributes are tried.
	usefulRoom = 16

	lineEnd = "}\n"
	// cutMark is the last member of a line that is cut.
	cutMark = `,"` + cutKey + `":true`
	cutKey  = "epilogue.truncated"
	// eventKey is the attribute of the event's name (OpenTelemetry semantic conventions, otel.event.name: for exporters
	// without a field for it).
	eventKey = "otel.event.name"
	// renamed precedes the name of an attribute that would hide another member.
	renamed = "attr."
)

// encoder makes the line of one record at a time.
type encoder struct {
	line  []byte
	limit int             // of the line without its end
	cut   bool            // values are cut at the limit
	names map[string]bool // of attributes so far
}

// encode returns the line of a record. It is valid until the next call.
func (e *encoder) encode(r *sdklog.Record, requestID string) []byte {
	e.limit, e.cut = maxLine-len(lineEnd), false
	if !e.appendMembers(r, requestID) {
		e.limit, e.cut = e.limit-len(cutMark), true
		e.appendMembers(r, requestID)
		e.line = append(e.line, cutMark...)
	}
	return append(e.line, lineEnd...)
}

// appendMembers makes the line without its end. It reports false if something does not fit.
func (e *encoder) appendMembers(r *sdklog.Record, requestID string) (whole bool) {
	clear(e.names)
	e.line = append(e.line[:0], `{"timestamp":"`...)
	e.line = timeOf(r).UTC().AppendFormat(e.line, "2006-01-02T15:04:05.000Z")
	e.line = append(append(e.line, `","level":"`...), levelOf(r.Severity())...)
	e.line = append(e.line, '"')

	body := r.Body()
	if body.Type() == attribute.EMPTY {
		body = attribute.StringValue("")
	}
	limit := e.limit
	if e.cut {
		limit = maxMessage
	}
	whole = e.appendMember("message", body, limit)
	if requestID != "" {
		whole = e.appendMember("requestId", attribute.StringValue(requestID), e.limit) && whole
	}
	if id := r.TraceID(); id.IsValid() {
		whole = e.appendMember("trace_id", attribute.StringValue(id.String()), e.limit) && whole
	}
	if id := r.SpanID(); id.IsValid() {
		whole = e.appendMember("span_id", attribute.StringValue(id.String()), e.limit) && whole
	}
	return e.appendAttributes(r) && whole
}

// timeOf returns the time of a record. RFC 3339 has years of four digits.
func timeOf(r *sdklog.Record) time.Time {
	for _, t := range []time.Time{r.Timestamp(), r.ObservedTimestamp()} {
		if year := t.UTC().Year(); !t.IsZero() && 0 <= year && year <= 9999 {
			return t
		}
	}
	return time.Now()
}

// appendAttributes appends the attributes under names that are not used yet.
func (e *encoder) appendAttributes(r *sdklog.Record) (whole bool) {
	whole = true
	add := func(kv attribute.KeyValue) (more bool) {
		name := e.unusedName(string(kv.Key))
		if e.appendMember(name, kv.Value, e.limit) {
			return true
		}
		whole = false
		return e.cut && e.limit-len(e.line) >= usefulRoom
	}
	if name := r.EventName(); name != "" && !add(attribute.String(eventKey, name)) {
		return false
	}
	r.WalkAttributes(add)
	return whole
}

// unusedName returns the name of an attribute in the line.
func (e *encoder) unusedName(key string) string {
	name := validUTF8(key)
	for reserved(name) || e.names[name] {
		name = renamed + name
	}
	e.names[name] = true
	return name
}

func reserved(name string) bool {
	switch name {
	case "timestamp", "level", "message", "requestId", "trace_id", "span_id", cutKey:
		return true
	}
	return false
}

// validUTF8 returns s as jsontext writes it.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// appendMember appends a member. If the line is longer than limit then, it appends a part of the value if values are
// cut, or nothing, and reports false.
func (e *encoder) appendMember(name string, v attribute.Value, limit int) (whole bool) {
	start := len(e.line)
	e.line = append(jsontext.AppendString(append(e.line, ','), name), ':')
	value := len(e.line)
	e.line = appendValue(e.line, v, limit, 0)
	if len(e.line) <= limit {
		return true
	}
	text := v.AsString()
	if v.Type() != attribute.STRING {
		text = strings.TrimPrefix(string(e.line[value:]), `"`) // bytes are a JSON string already
	}
	e.line = e.line[:start]
	if room := limit - value; e.cut && cuttable(v) && room >= len(`""`) {
		e.line = append(jsontext.AppendString(append(e.line, ','), name), ':')
		e.line = jsontext.AppendString(e.line, prefix(text, room))
	}
	return false
}

// cuttable reports whether a part of a value is of use: of a text, or of the JSON text of a list or a map.
func cuttable(v attribute.Value) bool {
	switch v.Type() {
	case attribute.EMPTY, attribute.BOOL, attribute.INT64, attribute.FLOAT64:
		return false
	}
	return true
}

// prefix returns the longest prefix of whole characters of s that is a JSON string of at most limit bytes.
func prefix(s string, limit int) string {
	size, char := len(`""`), []byte(nil)
	for i := 0; i < len(s); {
		_, width := utf8.DecodeRuneInString(s[i:])
		char = jsontext.AppendString(char[:0], s[i:i+width])
		if size += len(char) - len(`""`); size > limit {
			return s[:i]
		}
		i += width
	}
	return s
}
