package trigger

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// eventsPackage has the event types that are known by name. This package does not import it.
const eventsPackage = "github.com/aws/aws-lambda-go/events"

var rawMessageType = reflect.TypeFor[json.RawMessage]()

// maxDepth bounds how deep embedded structs are followed.
const maxDepth = 8

// Settings are the program's choices.
type Settings struct {
	Source          Source   // Unknown: each event tells
	RequestHeaders  []string // headers to record, in lower case
	ResponseHeaders []string
	QueryValues     []string // parameters of a query whose values are recorded

	methods []string // from OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS; empty: the conventions' own
}

// Reader reads the events of one handler. It is safe for concurrent use.
type Reader struct {
	settings Settings
	source   Source // set by the program, or told by the event's type; Unknown if each event tells
	opaque   bool   // events of this type tell nothing
}

// NewReader returns a reader of events that are decoded to the given type, which is nil if they are not decoded.
func NewReader(t reflect.Type, s Settings) *Reader {
	s.methods = split(os.Getenv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"))
	r := &Reader{settings: s, source: s.Source}
	if t == nil {
		return r
	}
	if r.source == Unknown {
		r.source = sourceOf(t, maxDepth)
	}
	r.opaque = r.source == Unknown && !event.MayHave(t, signatures())
	return r
}

// sourceOf returns the source of a type of the events package, or of a type that embeds one.
func sourceOf(t reflect.Type, depth int) Source {
	t = event.Indirect(t)
	if t.PkgPath() == eventsPackage {
		if s := sourceOfType(t.Name()); s != Unknown {
			return s
		}
	}
	if t.Kind() != reflect.Struct || depth == 0 {
		return Unknown
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous {
			if s := sourceOf(f.Type, depth-1); s != Unknown {
				return s
			}
		}
	}
	return Unknown
}

// WantsRaw reports whether Raw may tell more about an event than Typed: the event's type is the program's own.
func (r *Reader) WantsRaw(t reflect.Type) bool {
	if t == nil || r.source != Unknown && sourceOf(t, maxDepth) == r.source {
		return false
	}
	t = event.Indirect(t)
	return t.Kind() != reflect.Map && t.Kind() != reflect.Interface && t != rawMessageType
}

// Typed reads a decoded event. An invalid value is no event.
func (r *Reader) Typed(v reflect.Value) Cause {
	if r.opaque || !v.IsValid() {
		return r.read(event.Value{})
	}
	e := event.Of(v)
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		e = event.JSON(v.Bytes())
	}
	return r.read(e)
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
	if source == EventBridge && isSchedule(d) { // an event type is EventBridge's for both
		source = Schedule
	}
	c := sources[source].read(d, &r.settings)
	c.Source = source
	return c
}

// LowerNames returns names of headers as attributes have them. Blank ones are left out.
func LowerNames(names []string) []string {
	lower := make([]string, 0, len(names))
	for _, name := range names {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			lower = append(lower, name)
		}
	}
	return lower
}

// split returns the elements of a comma-separated list that are not blank.
func split(list string) (elements []string) {
	for element := range strings.SplitSeq(list, ",") {
		if element = strings.TrimSpace(element); element != "" {
			elements = append(elements, element)
		}
	}
	return elements
}
