package lines

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Document is a request of one signal; the others are nil.
type Document struct {
	Traces  *tracepb.TracesData
	Metrics *metricspb.MetricsData
	Logs    *logspb.LogsData
}

// idBytes has the lengths of the members that are IDs.
var idBytes = map[string]int{"traceId": 16, "spanId": 8, "parentSpanId": 8}

// decode reads a document. OTLP's JSON differs from protobuf's in the IDs, which are hexadecimal instead of base64 (OpenTelemetry
// Protocol Specification, "JSON Protobuf Encoding"). Unknown members are skipped.
func decode(document []byte) (Document, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var tree map[string]any
	if err := d.Decode(&tree); err != nil {
		return Document{}, fmt.Errorf("not a JSON object: %w", err)
	}
	if err := convertIDs(tree); err != nil {
		return Document{}, err
	}
	converted, err := json.Marshal(tree)
	if err != nil {
		return Document{}, err
	}
	data, message := newDocument(document)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(converted, message); err != nil {
		return Document{}, fmt.Errorf("not OTLP: %w", err)
	}
	return data, check(data.Traces)
}

// newDocument returns an empty document of the signal that the first member names, and its message.
func newDocument(text []byte) (Document, proto.Message) {
	switch at, marker := indexMarker(text); {
	case at < 0:
	case marker == "resourceMetrics":
		d := Document{Metrics: new(metricspb.MetricsData)}
		return d, d.Metrics
	case marker == "resourceLogs":
		d := Document{Logs: new(logspb.LogsData)}
		return d, d.Logs
	}
	d := Document{Traces: new(tracepb.TracesData)}
	return d, d.Traces
}

// convertIDs converts the IDs in tree to base64. No other member has their names: the keys of attributes are values.
func convertIDs(tree any) error {
	switch node := tree.(type) {
	case []any:
		for _, item := range node {
			if err := convertIDs(item); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, value := range node {
			length, isID := idBytes[name]
			if !isID {
				if err := convertIDs(value); err != nil {
					return err
				}
				continue
			}
			text, _ := value.(string)
			id, err := hex.DecodeString(text)
			if err != nil || len(id) != length && len(id) != 0 {
				return fmt.Errorf("%s is not an ID of %d bytes", name, length)
			}
			node[name] = base64.StdEncoding.EncodeToString(id)
		}
	}
	return nil
}

// check rejects spans without IDs, for which a backend would refuse the whole request.
func check(data *tracepb.TracesData) error {
	for _, r := range data.GetResourceSpans() {
		for _, s := range r.GetScopeSpans() {
			for _, span := range s.GetSpans() {
				if len(span.GetTraceId()) == 0 || len(span.GetSpanId()) == 0 {
					return fmt.Errorf("span %q has no ID", span.GetName())
				}
			}
		}
	}
	return nil
}
