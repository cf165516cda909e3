package report

import (
	"cmp"
	"slices"
	"time"
)

// Span is the part of a received span that a report needs.
type Span struct {
	Trace        string // its ids in hexadecimal
	ID           string
	Parent       string // empty for a root
	Remote       bool   // its parent is a span of another process
	Name         string
	Service      string // service.name of its resource
	InvocationID string // faas.invocation_id, on the span of an invocation
	Instance     string // of the process: faas.instance or service.instance.id of its resource
	Start, End   time.Time
	Failed       bool   // its status is Error
	Message      string // the status's message
}

// Duration returns how long s took.
func (s Span) Duration() time.Duration { return s.End.Sub(s.Start) }

// Node is a span with the spans below it, in the order of their beginning.
type Node struct {
	Span
	Orphan   bool // its parent is not among the received spans
	Children []*Node
	above    *Node
}

// Trace is the received spans of one trace id.
type Trace struct {
	ID         string
	Roots      []*Node  // spans without a parent among the received, in the order of their beginning
	Services   []string // in the order of appearance in the tree
	Spans      int
	Start, End time.Time // of the earliest and of the latest
}

// Orphans returns how many spans name a parent that was not received. A parent outside the run, such as the span of a
// caller that sent a traceparent, counts too.
func (t Trace) Orphans() int {
	n := 0
	for _, root := range t.Roots {
		if root.Orphan {
			n++
		}
	}
	return n
}

// Traces groups spans into one tree for each trace, ordered by start. A span that was received more than once appears
// once.
func Traces(spans []Span) []Trace {
	byTrace := map[string][]Span{}
	for _, s := range spans {
		byTrace[s.Trace] = append(byTrace[s.Trace], s)
	}
	var traces []Trace
	for id, members := range byTrace {
		traces = append(traces, newTrace(id, members))
	}
	slices.SortFunc(traces, func(a, b Trace) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
	})
	return traces
}

func newTrace(id string, spans []Span) Trace {
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(a, b Span) int {
		return cmp.Or(a.Start.Compare(b.Start), b.End.Compare(a.End), cmp.Compare(a.ID, b.ID))
	})
	nodes := map[string]*Node{}
	var order []*Node
	for _, s := range spans {
		if nodes[s.ID] == nil {
			nodes[s.ID] = &Node{Span: s}
			order = append(order, nodes[s.ID])
		}
	}
	t := Trace{ID: id, Spans: len(order), Start: order[0].Start}
	for _, n := range order {
		if n.End.After(t.End) {
			t.End = n.End
		}
		parent := nodes[n.Parent]
		if parent == nil || within(parent, n) {
			n.Orphan = n.Parent != ""
			t.Roots = append(t.Roots, n)
			continue
		}
		n.above = parent
		parent.Children = append(parent.Children, n)
	}
	t.walk(func(n *Node, _, _ string) {
		if !slices.Contains(t.Services, n.Service) {
			t.Services = append(t.Services, n.Service)
		}
	})
	return t
}

// within reports whether n already stands above candidate, so that a malformed trace cannot become a circle.
func within(candidate, n *Node) bool {
	if candidate == n {
		return true
	}
	return slices.ContainsFunc(n.Children, func(child *Node) bool { return within(candidate, child) })
}

// walk visits every node, parents first, with the branches that lead to it and the branches for its children.
func (t Trace) walk(visit func(n *Node, own, below string)) {
	for _, root := range t.Roots {
		walk(root, "", "", visit)
	}
}

func walk(n *Node, own, below string, visit func(n *Node, own, below string)) {
	visit(n, own, below)
	for i, child := range n.Children {
		if i == len(n.Children)-1 {
			walk(child, below+"└─ ", below+"   ", visit)
		} else {
			walk(child, below+"├─ ", below+"│  ", visit)
		}
	}
}

// Invocations returns the request ids of the invocations whose spans are in the trace.
func (t Trace) Invocations() []string {
	var ids []string
	t.walk(func(n *Node, _, _ string) {
		if n.InvocationID != "" {
			ids = append(ids, n.InvocationID)
		}
	})
	return ids
}
