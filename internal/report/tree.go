package report

import (
	"fmt"
	"strings"
	"time"
)

// The columns of a trace's tree.
const (
	treeIndent   = 2
	nameMaximum  = 46
	spanColumns  = 8
	treeBarWidth = 30
)

// Tree renders t as a tree of spans, one a line, with bars over the time of the whole trace. The name of a service
// stands beside the first span of each branch that it serves. title says what the trace belongs to; it may be empty.
func (t Trace) Tree(st Style, title string) string {
	var b strings.Builder
	head := "trace " + t.ID
	if title != "" {
		head += "  " + title
	}
	fmt.Fprintf(&b, "%s  %s\n", st.Title(head), st.Quiet(t.services()+", "+Duration(t.End.Sub(t.Start))))
	labels := 0
	t.walk(func(n *Node, branches string) {
		labels = max(labels, columns(branches+n.Name+t.beside(n)))
	})
	labels = min(labels, nameMaximum)
	t.walk(func(n *Node, branches string) { b.WriteString(t.line(st, n, branches, labels)) })
	return b.String()
}

// line renders one span in the given number of columns for branches, name and service.
func (t Trace) line(st Style, n *Node, branches string, labels int) string {
	beside := t.beside(n)
	name := shorten(n.Name, max(8, labels-columns(branches)-columns(beside)))
	pad := strings.Repeat(" ", max(0, labels-columns(branches+name+beside)))
	text := strings.Repeat(" ", treeIndent) + st.Quiet(branches) + name + st.paint(cyan, beside) + pad
	text += "  " + right(Duration(n.Duration()), spanColumns) + "  " + t.bar(n)
	if n.Failed {
		room := Width - columns(strings.Repeat(" ", treeIndent)+branches+name+beside+pad) - spanColumns - treeBarWidth - 6
		text = pastBar(text, t.bar(n)) + st.Fault(fault(n.Message, room))
	}
	return strings.TrimRight(text, " ") + "\n"
}

// pastBar pads a line to the end of the bars' columns.
func pastBar(text, bar string) string {
	return text + strings.Repeat(" ", max(0, treeBarWidth-columns(bar))+1)
}

// fault renders the message of a failed span in at most room columns.
func fault(message string, room int) string {
	message, _, _ = strings.Cut(message, "\n")
	if message == "" || room < 12 {
		return "✗"
	}
	return "✗ " + shorten(message, room-2)
}

// beside names the service of n where it differs from that of the span above, and at a root among several services.
func (t Trace) beside(n *Node) string {
	switch {
	case n.above == nil && len(t.Services) == 1:
		return ""
	case n.above != nil && n.above.Service == n.Service:
		return ""
	default:
		return " " + n.Service
	}
}

// bar draws where n lies in the time of the whole trace.
func (t Trace) bar(n *Node) string {
	whole := t.End.Sub(t.Start)
	if whole <= 0 {
		return "█"
	}
	at := func(d time.Duration) int {
		return int((int64(d)*treeBarWidth + int64(whole)/2) / int64(whole))
	}
	begin := min(at(n.Start.Sub(t.Start)), treeBarWidth-1)
	end := max(at(n.End.Sub(t.Start)), begin+1)
	return strings.Repeat(" ", begin) + strings.Repeat("█", end-begin)
}
