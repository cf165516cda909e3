package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// settlement is a Ledger on its way to becoming an Account.
type settlement struct {
	Ledger
	merged bool // the function's processes cannot be told apart
	owners map[owner]string
	lines  map[string]*Process
}

// owner identifies the process that sent a span, as far as the span's resource tells.
type owner struct{ service, instance string }

func ownerOf(s Span) owner { return owner{s.Service, s.Instance} }

type spanKey struct{ trace, span string }

// line returns the line of the account with that name.
func (s *settlement) line(name string) *Process {
	if s.lines[name] == nil {
		s.lines[name] = &Process{Name: name, How: byTraces}
	}
	return s.lines[name]
}

// processes returns how many processes the function had.
func (s *settlement) processes() int {
	n := 1
	for _, r := range s.Invocations {
		n = max(n, r.Process)
	}
	for number := range s.Counts {
		n = max(n, number)
	}
	return n
}

func (s *settlement) processName(number int) string {
	if s.merged || s.processes() == 1 {
		return s.Function
	}
	return fmt.Sprintf("%s, process %d", s.Function, number)
}

// findOwners tells the name in the account of each sender: the function's processes are known by the invocations they
// served.
func (s *settlement) findOwners() {
	served := map[string]int{}
	for _, r := range s.Invocations {
		served[r.RequestID] = r.Process
	}
	numbers := map[owner]int{}
	for _, span := range s.Spans {
		if number, ok := served[span.InvocationID]; ok {
			numbers[ownerOf(span)] = number
		}
	}
	for _, span := range s.Spans {
		_, other := s.Services[span.Service]
		s.merged = s.merged || numbers[ownerOf(span)] == 0 && !other
	}
	for _, span := range s.Spans {
		o := ownerOf(span)
		_, other := s.Services[span.Service]
		switch {
		case other:
			s.owners[o] = span.Service
		default:
			s.owners[o] = s.processName(numbers[o])
		}
	}
}

// deliver counts the spans that arrived, each once, and the copies.
func (s *settlement) deliver() {
	seen := map[spanKey]bool{}
	for _, span := range s.Spans {
		p, key := s.line(s.owners[ownerOf(span)]), spanKey{span.Trace, span.ID}
		if seen[key] {
			p.Again++
			continue
		}
		seen[key] = true
		p.Delivered++
	}
}

// absentParents counts, by the line of the account, the spans that others name as their parent and that did not arrive.
// What stands above an invocation is the caller's or the platform's, and not sent from here.
func (s *settlement) absentParents() map[string]int {
	missing := map[string]int{}
	for _, t := range Traces(s.Spans) {
		absent := map[string]bool{}
		for _, root := range t.Roots {
			if root.Orphan && root.InvocationID == "" && !absent[root.Parent] {
				absent[root.Parent] = true
				missing[s.owners[ownerOf(root.Span)]]++
			}
		}
	}
	return missing
}

// absentByShape counts, by the line of the account, the spans that must have ended and did not arrive: for a process of
// the function where that is known of each of its invocations, for another service where it is known at all.
func (s *settlement) absentByShape() map[string]int {
	missing, unknown := map[string]int{}, map[string]bool{}
	for _, r := range s.Invocations {
		name := s.processName(r.Process)
		expected, known := s.Expected[r.RequestID]
		unknown[name] = unknown[name] || !known
		missing[name] += len(expected) - s.present(r.RequestID, name, expected)
	}
	for service, known := range s.Services {
		missing[service] = max(0, known.Leaves-s.line(service).Delivered)
		unknown[service] = known.Leaves == 0
	}
	maps.DeleteFunc(missing, func(name string, _ int) bool { return unknown[name] })
	return missing
}

// present returns how many of the expected names are among the spans that one process sent in an invocation's trace.
func (s *settlement) present(requestID, process string, expected []string) int {
	at := slices.IndexFunc(s.Spans, func(span Span) bool { return span.InvocationID == requestID })
	if at < 0 {
		return 0
	}
	trace, left := s.Spans[at].Trace, slices.Clone(expected)
	seen := map[string]bool{}
	for _, span := range s.Spans {
		if span.Trace != trace || s.owners[ownerOf(span)] != process || seen[span.ID] {
			continue
		}
		seen[span.ID] = true
		if i := slices.Index(left, span.Name); i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	return len(expected) - len(left)
}

// count enters what the processes themselves say. Where they cannot be told apart their counts are added up, and say
// what was ended only if each of them gave one.
func (s *settlement) count() {
	enter := func(p *Process, c Counts, whole bool) {
		p.Ended += c.Ended
		p.Pending += c.Pending
		p.Dropped += c.Dropped
		if whole {
			p.Counted, p.How = true, byItself
		}
		if s.Elsewhere {
			p.Delivered += c.Exported
		}
	}
	for number, c := range s.Counts {
		enter(s.line(s.processName(number)), c, !s.merged || len(s.Counts) == s.processes())
	}
	for name, service := range s.Services {
		if service.Counted {
			enter(s.line(name), service.Counts, true)
		}
	}
}

// account returns the lines in the order of the function's processes, then of the other services' names.
func (s *settlement) account() Account {
	var account Account
	for _, p := range s.lines {
		if !p.Counted {
			p.Ended = max(p.Ended, p.Delivered+p.Missing)
		}
		account = append(account, *p)
	}
	rank := func(p Process) int {
		for number := range s.processes() + 1 {
			if p.Name == s.processName(number) {
				return number
			}
		}
		return s.processes() + 1
	}
	slices.SortFunc(account, func(a, b Process) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name))
	})
	return account
}
