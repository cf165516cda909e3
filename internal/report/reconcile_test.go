package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/lambdatest"
)

// sent returns a span of the function's process with that instance.
func sent(id, parent byte, name, instance, invocation string) Span {
	s := span(id, parent, name, "orders", 0, 1)
	s.Instance, s.InvocationID = instance, invocation
	return s
}

func remote(s Span) Span {
	s.Remote = true
	return s
}

// of returns the span as one of another trace.
func of(trace rune, s Span) Span {
	s.Trace = string(trace)
	return s
}

func TestReconcile(t *testing.T) {
	one := []lambdatest.InvocationReport{{RequestID: "a", Process: 1}}
	two := []lambdatest.InvocationReport{{RequestID: "a", Process: 1}, {RequestID: "b", Process: 2}}
	root, child := sent(1, 0, "POST /orders", "i1", "a"), sent(2, 1, "save", "i1", "")
	second := of('9', sent(3, 0, "POST /orders", "i2", "b"))
	price := span(4, 2, "GET /prices", "prices", 0, 1)

	for _, c := range []struct {
		name  string
		input Input
		want  Stats
		lost  int
	}{
		{
			name:  "a count, all delivered, one copy",
			input: Input{Invocations: one, Spans: []Span{root, child, child}, Counts: map[int]Counts{1: {Ended: 2, Exported: 2}}},
			want:  Stats{{Name: "orders", Counted: true, Ended: 2, Delivered: 2, Again: 1, How: byItself}},
		},
		{
			name:  "a count, one not delivered",
			input: Input{Invocations: one, Spans: []Span{root}, Counts: map[int]Counts{1: {Ended: 2, Pending: 1}}},
			want:  Stats{{Name: "orders", Counted: true, Ended: 2, Delivered: 1, Pending: 1, How: byItself}},
			lost:  1,
		},
		{
			name:  "a count, nothing delivered at all",
			input: Input{Invocations: one, Counts: map[int]Counts{1: {Ended: 2, Dropped: 2}}},
			want:  Stats{{Name: "orders", Counted: true, Ended: 2, Dropped: 2, How: byItself}},
			lost:  2,
		},
		{
			name:  "no count, whole by its traces",
			input: Input{Invocations: one, Spans: []Span{root, child}},
			want:  Stats{{Name: "orders", Ended: 2, Delivered: 2, How: byTraces}},
		},
		{
			name:  "no count, a parent is missing",
			input: Input{Invocations: one, Spans: []Span{root, sent(5, 7, "x", "i1", ""), sent(6, 7, "y", "i1", "")}},
			want:  Stats{{Name: "orders", Ended: 4, Delivered: 3, Missing: 1, How: byTraces}},
			lost:  1,
		},
		{
			name: "no count, a span is missing by the known shape",
			input: Input{
				Invocations: one, Spans: []Span{root},
				Expected: map[string][]string{"a": {"POST /orders", "save"}},
			},
			want: Stats{{Name: "orders", Ended: 2, Delivered: 1, Missing: 1, How: byShape}},
			lost: 1,
		},
		{
			name:  "no count, the whole invocation is missing",
			input: Input{Invocations: one, Expected: map[string][]string{"a": {"POST /orders", "save"}}},
			want:  Stats{{Name: "orders", Ended: 2, Missing: 2, How: byShape}},
			lost:  2,
		},
		{
			name: "two processes and another service",
			input: Input{
				Invocations: two, Spans: []Span{root, child, second, price},
				Counts: map[int]Counts{2: {Ended: 1, Exported: 1}}, Services: map[string]Service{"prices": {Counted: true, Counts: Counts{Ended: 1, Exported: 1}}},
			},
			want: Stats{
				{Name: "orders, process 1", Ended: 2, Delivered: 2, How: byTraces},
				{Name: "orders, process 2", Counted: true, Ended: 1, Delivered: 1, How: byItself},
				{Name: "prices", Counted: true, Ended: 1, Delivered: 1, How: byItself},
			},
		},
		{
			name: "processes that cannot be told apart",
			input: Input{
				Invocations: two, Spans: []Span{sent(1, 0, "a", "", ""), of('9', sent(3, 0, "b", "", ""))},
				Counts: map[int]Counts{1: {Ended: 1, Exported: 1}, 2: {Ended: 2, Exported: 1, Dropped: 1}},
			},
			want: Stats{{Name: "orders", Counted: true, Ended: 3, Delivered: 2, Dropped: 1, How: byItself}},
			lost: 1,
		},
		{
			name: "another service, by the time that it must have left",
			input: Input{
				Invocations: one, Spans: []Span{root, child, price}, Counts: map[int]Counts{1: {Ended: 2}},
				Services: map[string]Service{"prices": {Leaves: 3}},
			},
			want: Stats{
				{Name: "orders", Counted: true, Ended: 2, Delivered: 2, How: byItself},
				{Name: "prices", Ended: 3, Delivered: 1, Missing: 2, How: byShape},
			},
			lost: 2,
		},
		{
			name: "no count, an open span is no loss where all that ended is known",
			input: Input{
				Invocations: one, Spans: []Span{root, sent(5, 7, "weigh", "i1", "")},
				Expected: map[string][]string{"a": {"POST /orders", "weigh"}},
			},
			want: Stats{{Name: "orders", Ended: 2, Delivered: 2, How: byShape}},
		},
		{
			name:  "sent elsewhere",
			input: Input{Invocations: one, Elsewhere: true, Counts: map[int]Counts{1: {Ended: 3, Exported: 2, Pending: 1}}},
			want:  Stats{{Name: "orders", Counted: true, Ended: 3, Delivered: 2, Pending: 1, How: byItself}},
			lost:  1,
		},
		{
			name:  "a count of less than arrived is not believed",
			input: Input{Invocations: one, Spans: []Span{root, child}, Counts: map[int]Counts{1: {Ended: 1, Exported: 1}}},
			want:  Stats{{Name: "orders", Ended: 2, Delivered: 2, How: tooFew}},
		},
		{
			name:  "a caller's span above a span that says that its parent is remote is not missing",
			input: Input{Invocations: one, Spans: []Span{root, remote(sent(2, 99, "process", "i1", ""))}},
			want:  Stats{{Name: "orders", Ended: 2, Delivered: 2, How: byTraces}},
		},
		{
			name: "a caller's span that the event names is not missing",
			input: Input{
				Invocations: one, Spans: []Span{root, sent(2, 99, "process", "i1", "")},
				Payloads: [][]byte{[]byte(`{"headers":{"traceparent":"00-57590000000000000000000000000000-0000000000000063-01"}}`)},
			},
			want: Stats{{Name: "orders", Ended: 2, Delivered: 2, How: byTraces}},
		},
		{
			name: "the function's span above a span of another service is missing",
			input: Input{
				Invocations: one, Spans: []Span{root, remote(span(4, 7, "GET /prices", "prices", 0, 1))}, Services: map[string]Service{"prices": {}},
			},
			want: Stats{{Name: "orders", Ended: 1, Delivered: 1, How: byTraces}, {Name: "prices", Ended: 2, Delivered: 1, Missing: 1, How: byTraces}},
			lost: 1,
		},
		{
			name:  "a caller's span above an invocation is not missing",
			input: Input{Invocations: one, Spans: []Span{sent(1, 99, "POST /orders", "i1", "a")}},
			want:  Stats{{Name: "orders", Ended: 1, Delivered: 1, How: byTraces}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.input.Function = "orders"
			got := Reconcile(c.input)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.Lost() != c.lost {
				t.Errorf("lost: got %d, want %d", got.Lost(), c.lost)
			}
		})
	}
}
