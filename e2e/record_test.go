package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// stub is a span as stdouttrace writes it.
type stub struct {
	Name                                           string
	SpanContext, Parent                            stubContext
	SpanKind                                       trace.SpanKind
	StartTime, EndTime                             time.Time
	Attributes                                     []stubAttribute
	Events                                         []stubEvent
	Links                                          []stubLink
	Status                                         struct{ Code, Description string }
	DroppedAttributes, DroppedEvents, DroppedLinks uint32
	Resource                                       []stubAttribute
	InstrumentationScope                           stubScope
}

type stubContext struct {
	TraceID, SpanID, TraceState string
	TraceFlags                  string // two hexadecimal digits
	Remote                      bool
}

type stubEvent struct {
	Name                  string
	Time                  time.Time
	Attributes            []stubAttribute
	DroppedAttributeCount uint32
}

type stubLink struct {
	SpanContext           stubContext
	Attributes            []stubAttribute
	DroppedAttributeCount uint32
}

type stubScope struct {
	Name, Version, SchemaURL string
	Attributes               []stubAttribute
}

type stubAttribute struct {
	Key   string
	Value struct {
		Type  string
		Value json.RawMessage
	}
}

// readRecord returns the spans that the function's processes wrote to the file at path as they ended.
func readRecord(t *testing.T, path string) []span {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var spans []span
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var s stub
		err := dec.Decode(&s)
		if errors.Is(err, io.EOF) {
			return spans
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		spans = append(spans, s.span(t))
	}
}

func (s stub) span(t *testing.T) span {
	out := span{
		TraceID: s.SpanContext.TraceID, SpanID: s.SpanContext.SpanID, TraceState: s.SpanContext.TraceState, Flags: s.flags(t),
		Name: s.Name, Kind: strings.ToLower(s.SpanKind.String()), Start: s.StartTime.UnixNano(), End: s.EndTime.UnixNano(),
		Attributes: attributes(t, s.Attributes),
		Status:     strings.ToLower(s.Status.Code), StatusMessage: s.Status.Description,
		DroppedAttributes: s.DroppedAttributes, DroppedEvents: s.DroppedEvents, DroppedLinks: s.DroppedLinks,
		Scope: scope{
			s.InstrumentationScope.Name, s.InstrumentationScope.Version, s.InstrumentationScope.SchemaURL,
			attributes(t, s.InstrumentationScope.Attributes),
		},
		Resource: attributes(t, s.Resource),
	}
	if s.Parent.SpanID != (trace.SpanID{}).String() {
		out.Parent = s.Parent.SpanID
	}
	for _, e := range s.Events {
		out.Events = append(out.Events, event{e.Name, e.Time.UnixNano(), attributes(t, e.Attributes), e.DroppedAttributeCount})
	}
	for _, l := range s.Links {
		out.Links = append(out.Links, link{
			l.SpanContext.TraceID, l.SpanContext.SpanID, l.SpanContext.TraceState, attributes(t, l.Attributes), l.DroppedAttributeCount,
		})
	}
	return out
}

// flags are those of OTLP: bit 8 says that bit 9 is known, bit 9 that the parent is remote.
func (s stub) flags(t *testing.T) uint32 {
	w3c, err := strconv.ParseUint(s.SpanContext.TraceFlags, 16, 8)
	if err != nil {
		t.Fatalf("flags of %s: %v", s.Name, err)
	}
	flags := uint32(w3c) | 1<<8
	if s.Parent.Remote {
		flags |= 1 << 9
	}
	return flags
}

func attributes(t *testing.T, list []stubAttribute) map[string]any {
	out := map[string]any{}
	for _, a := range list {
		v, err := attributeValue(a.Value.Type, a.Value.Value)
		if err != nil {
			t.Fatalf("attribute %s: %v", a.Key, err)
		}
		out[a.Key] = v
	}
	return out
}

// attributeValue decodes a value of one of the SDK's types into those that pdata has.
func attributeValue(kind string, data json.RawMessage) (any, error) {
	if element, ok := strings.CutSuffix(kind, "SLICE"); ok {
		var parts []json.RawMessage
		if err := json.Unmarshal(data, &parts); err != nil {
			return nil, err
		}
		out := []any{}
		for _, part := range parts {
			v, err := attributeValue(element, part)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	switch kind {
	case "STRING":
		return decode[string](data)
	case "BOOL":
		return decode[bool](data)
	case "INT64":
		return decode[int64](data)
	case "FLOAT64":
		return decode[float64](data)
	}
	return nil, fmt.Errorf("type %s is not known here", kind)
}

func decode[T any](data json.RawMessage) (any, error) {
	var v T
	err := json.Unmarshal(data, &v)
	return v, err
}
