package lines

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// idBytes has the lengths of the members that are IDs.
var idBytes = map[string]int{"traceId": 16, "spanId": 8, "parentSpanId": 8}

// decode reads a document. OTLP's JSON differs from protobuf's in the IDs, which are hexadecimal instead of base64 (OpenTelemetry
// Protocol Specification, "JSON Protobuf Encoding"). Unknown members are skipped.
func decode(document []byte) (*tracepb.TracesData, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if err := convertIDs(tree); err != nil {
		return nil, err
	}
	converted, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	data := new(tracepb.TracesData)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(converted, data); err != nil {
		return nil, fmt.Errorf("not OTLP: %w", err)
	}
	return data, check(data)
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
