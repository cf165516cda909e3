package e2e

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// readDelivered returns the spans in the file that the Collector wrote.
func readDelivered(t *testing.T, path string) []span {
	t.Helper()
	var spans []span
	for _, rs := range readResources(t, path) {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				spans = append(spans, delivered(rs, ss, s))
			}
		}
	}
	return spans
}

// resourceSchemas returns the schema URLs of the resources in the file, each once and in order. The SDK's record does not
// have them.
func resourceSchemas(t *testing.T, path string) []string {
	t.Helper()
	var urls []string
	for _, rs := range readResources(t, path) {
		urls = append(urls, rs.SchemaUrl())
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// readResources reads the file: one OTLP request in JSON a line.
func readResources(t *testing.T, path string) []ptrace.ResourceSpans {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []ptrace.ResourceSpans
	for line := range bytes.Lines(data) {
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, rs := range traces.ResourceSpans().All() {
			all = append(all, rs)
		}
	}
	return all
}

func delivered(rs ptrace.ResourceSpans, ss ptrace.ScopeSpans, s ptrace.Span) span {
	out := span{
		TraceID: s.TraceID().String(), SpanID: s.SpanID().String(), Parent: s.ParentSpanID().String(), TraceState: s.TraceState().AsRaw(),
		Flags: s.Flags(),
		Name:  s.Name(), Kind: strings.ToLower(s.Kind().String()), Start: int64(s.StartTimestamp()), End: int64(s.EndTimestamp()),
		Attributes: s.Attributes().AsRaw(),
		Status:     strings.ToLower(s.Status().Code().String()), StatusMessage: s.Status().Message(),
		DroppedAttributes: s.DroppedAttributesCount(), DroppedEvents: s.DroppedEventsCount(), DroppedLinks: s.DroppedLinksCount(),
		Scope:    scope{ss.Scope().Name(), ss.Scope().Version(), ss.SchemaUrl(), ss.Scope().Attributes().AsRaw()},
		Resource: rs.Resource().Attributes().AsRaw(),
	}
	for _, e := range s.Events().All() {
		out.Events = append(out.Events, event{e.Name(), int64(e.Timestamp()), e.Attributes().AsRaw(), e.DroppedAttributesCount()})
	}
	for _, l := range s.Links().All() {
		out.Links = append(out.Links, link{
			l.TraceID().String(), l.SpanID().String(), l.TraceState().AsRaw(), l.Attributes().AsRaw(), l.DroppedAttributesCount(),
		})
	}
	return out
}
