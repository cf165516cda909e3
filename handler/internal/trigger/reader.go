package trigger

import (
	"cmp"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// eventsPackage has the event types that are known by name. This package does not import it.
const eventsPackage = "github.com/aws/aws-lambda-go/events"

// Settings are the program's choices.
type Settings struct {
	Source          Source   // Unknown: detected in each event
	RequestHeaders  []string // headers to record, in lower case
	ResponseHeaders []string
	QueryValues     []string // parameters of a query whose values are recorded

	methods []string // from OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS; empty: the conventions' own
}

// Reader reads the events of one handler. It is safe for concurrent use.
type Reader struct {
	settings Settings
	source   Source // set by the program, or known from the event's type; Unknown if it is detected in each event
}

// NewReader returns a reader of events that are decoded to the given type, which is nil if they are not decoded.
func NewReader(t reflect.Type, s Settings) *Reader {
	s.methods = split(os.Getenv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"))
	r := &Reader{settings: s, source: s.Source}
	if r.source == Unknown && t != nil {
		r.source = sourceOf(t)
	}
	return r
}

// sourceOf returns the source of a type of the events package, or of a type that embeds one. It is Unknown if the type
// alone does not tell.
func sourceOf(t reflect.Type) Source {
	t = event.Indirect(t)
	if s := sourceNamed(t); s != Unknown || t.Kind() != reflect.Struct {
		return s
	}
	for _, f := range reflect.VisibleFields(t) {
		if s := sourceNamed(event.Indirect(f.Type)); f.Anonymous && s != Unknown {
			return s
		}
	}
	return Unknown
}

// sourceNamed returns the source of a type of the events package.
func sourceNamed(t reflect.Type) Source {
	if t.PkgPath() != eventsPackage {
		return Unknown
	}
	return find(func(s source) bool { return slices.Contains(s.types, t.Name()) })
}

// WantsRaw reports whether Raw may tell more about an event than Typed: the event's type is the program's own.
func (r *Reader) WantsRaw(t reflect.Type) bool {
	if t == nil || r.source != Unknown && sourceOf(t) == r.source {
		return false
	}
	t = event.Indirect(t)
	return t.Kind() != reflect.Map && t.Kind() != reflect.Interface && t != event.RawMessageType
}

// Typed reads a decoded event. An invalid value is no event.
func (r *Reader) Typed(v reflect.Value) Cause {
	if v.IsValid() && v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return r.Raw(v.Bytes())
	}
	return r.read(event.Of(v))
}

// Raw reads an event's JSON text. The carriers of the result share memory with it, attributes do not.
func (r *Reader) Raw(payload []byte) Cause { return r.read(event.JSON(payload)) }

// read reads an event by its source.
func (r *Reader) read(e event.Value) Cause {
	d := newDocument(e)
	source := r.source
	if source == Unknown {
		source = d.detect()
	}
	if source == EventBridge && d.isSchedule() { // an event type is EventBridge's for both
		source = Schedule
	}
	return d.cause(source, &r.settings)
}

// cause reads the event as one of a source.
func (d *document) cause(of Source, s *Settings) Cause {
	d.record = sources[of].record
	c := sources[of].read(d, s)
	c.Source = of
	return c
}

// Message reads one record of a batch, as a batch of this record alone: a record of the events package, a pointer to
// one, a map, or JSON text as json.RawMessage or []byte. The attributes are without the number of messages. Messages
// has the record's origin, if it has one. The source is the one of the invocation unless the record has another or has
// no member of its records; records of Kafka and Amazon MQ do not tell theirs in JSON text. Batch is 0 if the record is
// no message.
func Message(record any, invocation Source) Cause {
	if text, ok := record.([]byte); ok {
		record = json.RawMessage(text)
	}
	d := newDocument(event.Of(reflect.ValueOf([]any{record})))
	source := d.detect()
	if source == Other && record != nil {
		source = cmp.Or(sourceNamed(event.Indirect(reflect.TypeOf(record))), invocation, Other)
		if alone := newDocument(event.Of(reflect.ValueOf(record))); alone.isBusEvent() && !alone.isSchedule() { // which is no record
			d, source = alone, EventBridge
		} else if source == invocation && !hasAny(d.First(), sources[source].record) {
			source = Other
		}
	}
	c := d.cause(source, &Settings{})
	c.Attributes = slices.DeleteFunc(c.Attributes, func(a attribute.KeyValue) bool {
		return a.Key == semconv.MessagingBatchMessageCountKey
	})
	return c
}

// hasAny reports whether an object has one of these members.
func hasAny(v event.Value, names []string) bool {
	o := v.Select(names...)
	return slices.ContainsFunc(names, func(name string) bool { return o.Get(name).Present() })
}

// LowerNames returns names of headers as attributes have them. Blank ones are left out.
func LowerNames(names []string) []string { return split(strings.ToLower(strings.Join(names, ","))) }

// split returns the elements of a comma-separated list that are not blank.
func split(list string) (elements []string) {
	for element := range strings.SplitSeq(list, ",") {
		if element = strings.TrimSpace(element); element != "" {
			elements = append(elements, element)
		}
	}
	return elements
}
