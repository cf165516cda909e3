package report

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// reconciler holds the state of one [Reconcile].
type reconciler struct {
	Input
	merged bool // the function's processes cannot be told apart
	owners map[owner]string
	lines  map[string]*Process
}

// owner identifies the process that sent a span by the span's resource.
type owner struct{ service, instance string }

func ownerOf(s Span) owner { return owner{s.Service, s.Instance} }

type spanKey struct{ trace, span string }

// line returns the process with that name, and adds it if it is new.
func (r *reconciler) line(name string) *Process {
	if r.lines[name] == nil {
		r.lines[name] = &Process{Name: name, How: byTraces}
	}
	return r.lines[name]
}

// processes returns how many processes the function had.
func (r *reconciler) processes() int {
	n := 1
	for _, v := range r.Invocations {
		n = max(n, v.Process)
	}
	for number := range r.Counts {
		n = max(n, number)
	}
	return n
}

func (r *reconciler) processName(number int) string {
	if r.merged || r.processes() == 1 {
		return r.Function
	}
	return fmt.Sprintf("%s, process %d", r.Function, number)
}

// findOwners finds the name of each sender. The invocations that a process served identify it.
func (r *reconciler) findOwners() {
	served := map[string]int{}
	for _, v := range r.Invocations {
		served[v.RequestID] = v.Process
	}
	numbers := map[owner]int{}
	for _, span := range r.Spans {
		if number, ok := served[span.InvocationID]; ok {
			numbers[ownerOf(span)] = number
		}
	}
	for _, span := range r.Spans {
		_, other := r.Services[span.Service]
		r.merged = r.merged || numbers[ownerOf(span)] == 0 && !other
	}
	for _, span := range r.Spans {
		o := ownerOf(span)
		_, other := r.Services[span.Service]
		switch {
		case other:
			r.owners[o] = span.Service
		default:
			r.owners[o] = r.processName(numbers[o])
		}
	}
}

// deliver counts the spans that arrived, each once, and the copies.
func (r *reconciler) deliver() {
	seen := map[spanKey]bool{}
	for _, span := range r.Spans {
		p, key := r.line(r.owners[ownerOf(span)]), spanKey{span.Trace, span.ID}
		if seen[key] {
			p.Again++
			continue
		}
		seen[key] = true
		p.Delivered++
	}
}

// absentParents counts by process the spans that others name as their parent and that did not arrive. A parent of the
// caller or of the platform does not count.
func (r *reconciler) absentParents() map[string]int {
	missing := map[string]int{}
	for _, t := range Traces(r.Spans) {
		absent := map[string]bool{}
		for _, root := range t.Roots {
			if root.Orphan && !r.isCallers(root.Span) && !absent[root.Parent] {
				absent[root.Parent] = true
				missing[r.owners[ownerOf(root.Span)]]++
			}
		}
	}
	return missing
}

// isCallers reports whether the parent of a span of the function belongs to the caller or the platform: that of an
// invocation's span, of a span that says so itself, and of one whose parent the event names.
func (r *reconciler) isCallers(s Span) bool {
	if _, other := r.Services[s.Service]; other {
		return false // its parent is a span of the function
	}
	return s.InvocationID != "" || s.Remote || slices.ContainsFunc(r.Payloads, func(payload []byte) bool {
		return bytes.Contains(payload, []byte(s.Parent))
	})
}

// absentByShape counts by process the spans that must have ended and did not arrive. It leaves out a process of the
// function with an invocation that Expected does not have, and a service whose Leaves is unknown.
func (r *reconciler) absentByShape() map[string]int {
	missing, unknown := map[string]int{}, map[string]bool{}
	for _, v := range r.Invocations {
		name := r.processName(v.Process)
		expected, known := r.Expected[v.RequestID]
		unknown[name] = unknown[name] || !known
		missing[name] += len(expected) - r.present(v.RequestID, name, expected)
	}
	for service, known := range r.Services {
		missing[service] = max(0, known.Leaves-r.line(service).Delivered)
		unknown[service] = known.Leaves == 0
	}
	maps.DeleteFunc(missing, func(name string, _ int) bool { return unknown[name] })
	return missing
}

// present returns how many of the expected names are among the spans that one process sent in an invocation's trace.
func (r *reconciler) present(requestID, process string, expected []string) int {
	at := slices.IndexFunc(r.Spans, func(span Span) bool { return span.InvocationID == requestID })
	if at < 0 {
		return 0
	}
	trace, left := r.Spans[at].Trace, slices.Clone(expected)
	seen := map[string]bool{}
	for _, span := range r.Spans {
		if span.Trace != trace || r.owners[ownerOf(span)] != process || seen[span.ID] {
			continue
		}
		seen[span.ID] = true
		if i := slices.Index(left, span.Name); i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	return len(expected) - len(left)
}

// count adds the counts that the processes report. If they cannot be told apart, the sum counts as reported only if each
// of them reported.
func (r *reconciler) count() {
	enter := func(p *Process, c Counts, whole bool) {
		p.Ended += c.Ended
		p.Pending += c.Pending
		p.Dropped += c.Dropped
		if whole {
			p.Counted, p.How = true, byItself
		}
		if r.Elsewhere {
			p.Delivered += c.Exported
		}
	}
	for number, c := range r.Counts {
		enter(r.line(r.processName(number)), c, !r.merged || len(r.Counts) == r.processes())
	}
	for name, service := range r.Services {
		if service.Counted {
			enter(r.line(name), service.Counts, true)
		}
	}
}

// stats returns the function's processes in their order, then the other services by name.
func (r *reconciler) stats() Stats {
	var stats Stats
	for _, p := range r.lines {
		if p.Counted && p.Ended < p.Delivered {
			p.Counted, p.How = false, tooFew
		}
		if !p.Counted {
			p.Ended = max(p.Ended, p.Delivered+p.Missing)
		}
		stats = append(stats, *p)
	}
	rank := func(p Process) int {
		for number := range r.processes() + 1 {
			if p.Name == r.processName(number) {
				return number
			}
		}
		return r.processes() + 1
	}
	slices.SortFunc(stats, func(a, b Process) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name))
	})
	return stats
}
