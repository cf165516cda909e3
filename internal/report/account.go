package report

import (
	"fmt"
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
	processColumns = 22
	figureColumns  = 10
)

// Table renders the account, a line a process, the sum, and a verdict.
func (a Account) Table(st Style) string {
	row := func(name string, figures [4]string, how string) string {
		var b strings.Builder
		b.WriteString(left(name, processColumns))
		for _, figure := range figures {
			b.WriteString(right(figure, figureColumns))
		}
		return strings.TrimRight(b.String()+"   "+how, " ") + "\n"
	}
	figures := func(p Process) [4]string {
		dropped := "–"
		if p.Counted || p.Dropped > 0 {
			dropped = fmt.Sprint(p.Dropped)
		}
		return [4]string{fmt.Sprint(p.Ended), fmt.Sprint(p.Delivered), dropped, fmt.Sprint(p.Lost())}
	}
	if len(a) == 0 {
		return a.Verdict(st) + "\n"
	}
	out := st.Title(row("spans", [4]string{"ended", "delivered", "dropped", "lost"}, "how that is known"))
	for _, p := range a {
		out += row(p.Name, figures(p), p.How)
	}
	if len(a) > 1 {
		out += st.Title(row("all", figures(a.Sum()), ""))
	}
	return out + "\n" + a.Verdict(st) + "\n"
}

// Verdict says in a sentence whether anything was lost.
func (a Account) Verdict(st Style) string {
	sum := a.Sum()
	again := ""
	if sum.Again > 0 {
		again = fmt.Sprintf(" %s arrived twice, as a retried request may.", plural(sum.Again, "span"))
	}
	switch lost := a.Lost(); {
	case lost > 0:
		return st.Fault(fmt.Sprintf("%s lost.", plural(lost, "span"))) + again
	case sum.Ended == 0:
		return "No span has arrived: the function ended none, or sends them elsewhere."
	default:
		return st.paint(green, "Nothing lost.") + again
	}
}
