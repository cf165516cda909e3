package report

import (
	"slices"
	"strconv"
	"strings"
)

// Process compares the spans that one process ended with those that the receiver got of it.
type Process struct {
	Name      string // "orders, 2nd process"
	Counted   bool   // the process itself reported Ended, Pending and Dropped
	Ended     int    // spans that it ended; without its report, those known to have ended
	Pending   int    // spans that it still held when it reported
	Dropped   int    // spans that it dropped
	Delivered int    // distinct spans that the receiver accepted
	Again     int    // copies beyond the first
	Missing   int    // spans that must have existed and did not arrive, such as a parent that others name
	How       string // the source of Ended, in a few words
}

// Lost returns how many of the process's spans did not arrive, as far as is known.
func (p Process) Lost() int {
	return max(p.Missing, p.Ended-p.Delivered, 0)
}

// Stats are the processes of one run.
type Stats []Process

// Lost returns how many spans did not arrive, as far as is known.
func (s Stats) Lost() int {
	lost := 0
	for _, p := range s {
		lost += p.Lost()
	}
	return lost
}

// Sum adds the processes up. The sum is Counted if each of them is.
func (s Stats) Sum() Process {
	sum := Process{Name: "all", Counted: true}
	for _, p := range s {
		sum.Counted = sum.Counted && p.Counted
		sum.Ended += p.Ended
		sum.Pending += p.Pending
		sum.Dropped += p.Dropped
		sum.Delivered += p.Delivered
		sum.Again += p.Again
		sum.Missing += p.Missing
	}
	return sum
}

const (
	processColumns = 18 // at least
	figureColumns  = 10
)

// Table renders one line for each process, their sum, and a verdict.
func (s Stats) Table(st Style) string {
	names := processColumns
	for _, p := range s {
		names = max(names, columns(p.Name))
	}
	row := func(name string, figures [4]string, how string) string {
		var b strings.Builder
		b.WriteString(left(name, names))
		for _, figure := range figures {
			b.WriteString(right(figure, figureColumns))
		}
		return strings.TrimRight(b.String()+"   "+Visible(how), " ") + "\n"
	}
	figures := func(p Process) [4]string {
		dropped := "–"
		if p.Counted || p.Dropped > 0 {
			dropped = strconv.Itoa(p.Dropped)
		}
		return [4]string{strconv.Itoa(p.Ended), strconv.Itoa(p.Delivered), dropped, strconv.Itoa(p.Lost())}
	}
	if len(s) == 0 {
		return s.Verdict(st) + "\n"
	}
	lines := []string{st.Title(row("spans", [4]string{"ended", "delivered", "dropped", "lost"}, "source"))}
	for _, p := range s {
		lines = append(lines, row(p.Name, figures(p), p.How))
	}
	if len(s) > 1 {
		lines = append(lines, st.Title(row("all", figures(s.Sum()), "")))
	}
	return strings.Join(lines, "") + "\n" + s.Verdict(st) + "\n"
}

// Verdict says in a sentence whether a span was lost. If a process reported no count, for example because it was killed
// without SIGTERM, the verdict promises nothing.
func (s Stats) Verdict(st Style) string {
	sum := s.Sum()
	again := ""
	if sum.Again > 0 {
		again = " " + Plural(sum.Again, "span") + " arrived twice, as a retried request may."
	}
	switch lost := s.Lost(); {
	case lost > 0:
		return st.Fault(Plural(lost, "span")+" lost.") + again
	case sum.Ended == 0 && sum.Counted && len(s) > 0:
		return "No span was ended." + again
	case sum.Ended == 0:
		return "No span has arrived: the function ended none, sends them elsewhere, or has lost them."
	case slices.ContainsFunc(s, func(p Process) bool { return p.How == byTraces || p.How == tooFew }):
		return "No loss is known, but a process gave no count." + again
	default:
		return st.paint(green, "Nothing lost.") + again
	}
}
