package e2e

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// span is a span with its resource and its scope.
type span struct {
	ptrace.Span
	service string
	text    string // all of it, resource and scope included, as OTLP in JSON
}

// readRecord returns the spans that the function's processes wrote to the file at path as they ended.
func readRecord(t *testing.T, path string) []span {
	t.Helper()
	return readLines(t, path, func(line []byte) (ptrace.Traces, error) {
		data, err := base64.StdEncoding.AppendDecode(nil, bytes.TrimSpace(line))
		if err != nil {
			return ptrace.Traces{}, err
		}
		return (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
	})
}

// readDelivered returns the spans in a file with one OTLP request in JSON a line, such as the Collector writes. It skips the other
// signals' requests, in which it finds no spans.
func readDelivered(t *testing.T, path string) []span {
	t.Helper()
	return readLines(t, path, (&ptrace.JSONUnmarshaler{}).UnmarshalTraces)
}

func readLines(t *testing.T, path string, parse func(line []byte) (ptrace.Traces, error)) (spans []span) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		traces, err := parse(line)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, resource := range traces.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, s := range scope.Spans().All() {
					spans = append(spans, newSpan(t, resource, scope, s))
				}
			}
		}
	}
	return spans
}

func newSpan(t *testing.T, resource ptrace.ResourceSpans, scope ptrace.ScopeSpans, s ptrace.Span) span {
	t.Helper()
	alone := ptrace.NewTraces()
	r := alone.ResourceSpans().AppendEmpty()
	resource.Resource().CopyTo(r.Resource())
	r.SetSchemaUrl(resource.SchemaUrl())
	sc := r.ScopeSpans().AppendEmpty()
	scope.Scope().CopyTo(sc.Scope())
	sc.SetSchemaUrl(scope.SchemaUrl())
	copied := sc.Spans().AppendEmpty()
	s.CopyTo(copied)
	for _, link := range copied.Links().All() {
		link.TraceState().FromRaw("") // the official exporter leaves it out
	}
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(alone)
	if err != nil {
		t.Fatal(err)
	}
	service, _ := resource.Resource().Attributes().Get("service.name")
	return span{s, service.AsString(), string(text)}
}

func (s span) failed() bool { return s.Status().Code() == ptrace.StatusCodeError }

// compare fails the test for each span that is in one set only, there twice, or different in any field.
func compare(t *testing.T, ended, delivered []span) {
	t.Helper()
	texts := func(spans []span) (all []string) {
		slices.SortFunc(spans, func(a, b span) int {
			return cmp.Or(cmp.Compare(a.TraceID().String(), b.TraceID().String()), cmp.Compare(a.SpanID().String(), b.SpanID().String()))
		})
		for _, s := range spans {
			all = append(all, s.text)
		}
		return all
	}
	if diff := gocmp.Diff(texts(ended), texts(delivered)); diff != "" {
		t.Errorf("spans (-ended in the function +delivered to the Collector):\n%s", diff)
	}
}

// split divides spans into those whose IDs are among others, and the rest.
func split(spans, others []span) (among, missing []span) {
	ids := map[pcommon.SpanID]bool{}
	for _, s := range others {
		ids[s.SpanID()] = true
	}
	for _, s := range spans {
		if ids[s.SpanID()] {
			among = append(among, s)
		} else {
			missing = append(missing, s)
		}
	}
	return among, missing
}

// unique removes duplicates, which have to be equal in every field.
func unique(t *testing.T, spans []span) (once []span) {
	t.Helper()
	first := map[pcommon.SpanID]span{}
	for _, s := range spans {
		if before, seen := first[s.SpanID()]; seen {
			compare(t, []span{before}, []span{s})
			continue
		}
		first[s.SpanID()] = s
		once = append(once, s)
	}
	return once
}
