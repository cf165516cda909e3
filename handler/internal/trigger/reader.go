package trigger

import (
	"reflect"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// eventsPackage holds the event types that are known by name. It is not imported: what it says is read by reflection.
const eventsPackage = "github.com/aws/aws-lambda-go/events"

// typeSource is the source of a type of the events package by its name. Types that are not here go by their members, as all
// others do.
func typeSource(name string) Source {
	switch name {
	case "APIGatewayProxyRequest":
		return RESTAPI
	case "APIGatewayV2HTTPRequest":
		return HTTPAPI
	case "APIGatewayWebsocketProxyRequest":
		return WebSocketAPI
	case "ALBTargetGroupRequest":
		return LoadBalancer
	case "LambdaFunctionURLRequest":
		return FunctionURL
	case "SQSEvent":
		return SQS
	case "SNSEvent":
		return SNS
	case "CloudWatchEvent":
		return EventBridge
	case "KinesisEvent":
		return Kinesis
	case "KafkaEvent":
		return Kafka
	case "DynamoDBEvent":
		return DynamoDB
	case "S3Event":
		return S3
	case "CognitoEvent", "CognitoEventUserPoolsHeader":
		return Cognito
	}
	return Unknown
}

// Settings are what a program decides.
type Settings struct {
	Source          Source   // as it is told; Unknown where it must be found out
	RequestHeaders  []string // that are recorded, in lower case
	ResponseHeaders []string
	QueryValues     []string // names of parameters whose values are recorded
}

// Reader reads the events of one handler. It is safe for concurrent use.
type Reader struct {
	settings Settings
	shapes   shapes
	source   Source // told, or by the event's type; Unknown where each event tells
	mute     bool   // events of this type tell nothing
}

// NewReader returns a reader of events that are decoded to event, which is nil where they are not decoded. What source
// the type alone tells is found out here.
func NewReader(event reflect.Type, s Settings) *Reader {
	r := &Reader{settings: s, source: s.Source}
	if event == nil {
		return r
	}
	if r.source == Unknown {
		r.source = sourceOf(event, maxDepth)
	}
	r.mute = r.source == Unknown && !r.tells(event)
	return r
}

// sourceOf returns the source of a type of the events package, or of one that embeds such a type.
func sourceOf(t reflect.Type, depth int) Source {
	t = indirect(t)
	if t.PkgPath() == eventsPackage {
		if source := typeSource(t.Name()); source != Unknown {
			return source
		}
	}
	if t.Kind() != reflect.Struct || depth == 0 {
		return Unknown
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous {
			if source := sourceOf(f.Type, depth-1); source != Unknown {
				return source
			}
		}
	}
	return Unknown
}

// tells reports whether values of t can tell their source.
func (r *Reader) tells(t reflect.Type) bool {
	t = indirect(t)
	switch t.Kind() {
	case reflect.Map, reflect.Interface:
		return true
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8
	case reflect.Struct:
		shape := r.shapes.of(t)
		for _, name := range telling {
			if _, ok := shape[name]; ok {
				return true
			}
		}
	}
	return false
}

// WantsRaw reports whether Raw may tell more of an event than Typed: the event's type is the program's own.
func (r *Reader) WantsRaw(event reflect.Type) bool {
	if event == nil || r.source != Unknown && sourceOf(event, maxDepth) == r.source {
		return false
	}
	kind := indirect(event).Kind()
	return kind != reflect.Map && kind != reflect.Interface && indirect(event) != rawMessageType
}

// Typed reads a decoded event, or none, which an invalid value is.
func (r *Reader) Typed(event reflect.Value) Cause {
	if r.mute || !event.IsValid() {
		return r.read(value{})
	}
	in := &reading{shapes: &r.shapes}
	v := in.value(event)
	if v.isBytes() {
		v = in.raw(v.decoded.Bytes())
	}
	return r.read(v)
}

// Raw reads an event's JSON text, of which the cause shares memory until the handler is called; attributes do not.
func (r *Reader) Raw(payload []byte) Cause {
	in := &reading{shapes: &r.shapes}
	return r.read(in.raw(payload))
}

// read reads an event by its source.
func (r *Reader) read(event value) (c Cause) {
	if r.source == Unknown && !event.isObject() {
		return other()
	}
	var d document
	d.read(event)
	c.Source = r.source
	if c.Source == Unknown {
		c.Source = d.detect()
	}
	if c.Source == EventBridge && d.isSchedule() {
		c.Source = Schedule
	}
	c.readSource(&d, &r.settings)
	return c
}

func (c *Cause) readSource(d *document, s *Settings) {
	switch c.Source {
	case RESTAPI, HTTPAPI, LoadBalancer, FunctionURL:
		c.readHTTP(d, s)
	case WebSocketAPI:
		c.readWebSocket(d, s)
	case SQS:
		c.readSQS(d.records)
	case SNS:
		c.readSNS(d.records)
	case EventBridge:
		c.readEventBridge(d)
	case Schedule:
		c.readSchedule(d)
	case Kinesis:
		c.readKinesis(d.records)
	case Kafka:
		c.readKafka(d.lists)
	case DynamoDB:
		c.readDynamoDB(d.records)
	case S3:
		c.readS3(d.records)
	case StepFunctions:
		c.readStepFunctions(d)
	case Cognito:
		c.readCognito(d)
	case Unknown, Other:
		*c = other()
	}
}

// other is an event that tells nothing: for a server span the conventions require a trigger, and this is the one where no
// other applies.
func other() Cause {
	attrs := append(make([]attribute.KeyValue, 0, 1+Spare), semconv.FaaSTriggerOther)
	return Cause{Source: Other, Kind: trace.SpanKindServer, Attributes: attrs}
}

// LowerNames returns names of headers as attributes have them.
func LowerNames(names []string) []string {
	lower := make([]string, 0, len(names))
	for _, name := range names {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			lower = append(lower, name)
		}
	}
	return lower
}
