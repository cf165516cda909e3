package e2e

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// span is a span in a form that both the SDK's record and the Collector's file can be brought into, with nothing left out
// that either of them holds.
type span struct {
	TraceID, SpanID, Parent string
	TraceState              string
	Flags                   uint32 // W3C's, and whether the parent is remote (OTLP, Span.flags)
	Name                    string
	Kind                    string
	Start, End              int64 // Unix time in nanoseconds
	Attributes              map[string]any
	Events                  []event
	Links                   []link
	Status, StatusMessage   string
	DroppedAttributes       uint32
	DroppedEvents           uint32
	DroppedLinks            uint32
	Scope                   scope
	Resource                map[string]any
}

type event struct {
	Name              string
	Time              int64
	Attributes        map[string]any
	DroppedAttributes uint32
}

type link struct {
	TraceID, SpanID, TraceState string
	Attributes                  map[string]any
	DroppedAttributes           uint32
}

type scope struct {
	Name, Version, Schema string
	Attributes            map[string]any
}

// service is the resource's service.name.
func (s span) service() string {
	name, _ := s.Resource["service.name"].(string)
	return name
}

// compare fails the test for each span that is in one set only, there twice, or different in any field.
func compare(t *testing.T, ended, delivered []span) {
	t.Helper()
	order := func(a, b span) int {
		return cmp.Or(cmp.Compare(a.TraceID, b.TraceID), cmp.Compare(a.Start, b.Start), cmp.Compare(a.SpanID, b.SpanID))
	}
	slices.SortFunc(ended, order)
	slices.SortFunc(delivered, order)
	if diff := gocmp.Diff(ended, delivered); diff != "" {
		t.Errorf("spans (-ended in the function +delivered to the Collector):\n%s", diff)
	}
}
