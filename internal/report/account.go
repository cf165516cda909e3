package report

import (
	"slices"
	"strconv"
	"strings"
)

// Process is the account of one process: what it says it ended, and what the receiver got of it.
type Process struct {
	Name      string // "orders, 2nd process"
	Counted   bool   // the process itself gave Ended, Pending and Dropped
	Ended     int    // spans that it ended; where it gave no count, those known to have ended
	Pending   int    // spans it still held when it counted
	Dropped   int    // spans it gave up
	Delivered int    // distinct spans that the receiver accepted
	Again     int    // copies beyond the first
	Missing   int    // spans that must have existed and did not arrive, such as a parent that others name
	How       string // where Ended comes from, in a few words
}

// Lost returns how many of the process's spans did not arrive, as far as is known.
func (p Process) Lost() int {
	return max(p.Missing, p.Ended-p.Delivered, 0)
}

// Account is the account of all processes together.
type Account []Process

// Lost returns how many spans did not arrive, as far as is known.
func (a Account) Lost() int {
	lost := 0
	for _, p := range a {
		lost += p.Lost()
	}
	return lost
}

// Sum returns the processes added up. It counts as Counted where each of them does.
func (a Account) Sum() Process {
	sum := Process{Name: "all", Counted: true}
	for _, p := range a {
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

// Table renders the account, a line a process, the sum, and a verdict.
func (a Account) Table(st Style) string {
	names := processColumns
	for _, p := range a {
		names = max(names, columns(p.Name))
	}
	row := func(name string, figures [4]string, how string) string {
		var b strings.Builder
		b.WriteString(left(name, names))
		for _, figure := range figures {
			b.WriteString(right(figure, figureColumns))
		}
		return strings.TrimRight(b.String()+"   "+how, " ") + "\n"
	}
	figures := func(p Process) [4]string {
		dropped := "–"
		if p.Counted || p.Dropped > 0 {
			dropped = strconv.Itoa(p.Dropped)
		}
		return [4]string{strconv.Itoa(p.Ended), strconv.Itoa(p.Delivered), dropped, strconv.Itoa(p.Lost())}
	}
	if len(a) == 0 {
		return a.Verdict(st) + "\n"
	}
	lines := []string{st.Title(row("spans", [4]string{"ended", "delivered", "dropped", "lost"}, "how that is known"))}
	for _, p := range a {
		lines = append(lines, row(p.Name, figures(p), p.How))
	}
	if len(a) > 1 {
		lines = append(lines, st.Title(row("all", figures(a.Sum()), "")))
	}
	return strings.Join(lines, "") + "\n" + a.Verdict(st) + "\n"
}

// Verdict says in a sentence whether anything was lost. Where it is only known what arrived, as of a function that is killed
// without SIGTERM, it does not promise.
func (a Account) Verdict(st Style) string {
	sum := a.Sum()
	again := ""
	if sum.Again > 0 {
		again = " " + Plural(sum.Again, "span") + " arrived twice, as a retried request may."
	}
	switch lost := a.Lost(); {
	case lost > 0:
		return st.Fault(Plural(lost, "span")+" lost.") + again
	case sum.Ended == 0 && sum.Counted && len(a) > 0:
		return "No span was ended." + again
	case sum.Ended == 0:
		return "No span has arrived: the function ended none, sends them elsewhere, or has lost them."
	case slices.ContainsFunc(a, func(p Process) bool { return p.How == byTraces }):
		return "No loss is known, but a process gave no count." + again
	default:
		return st.paint(green, "Nothing lost.") + again
	}
}
