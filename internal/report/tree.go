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
	treeBarWidth = 36
)

// Tree renders t as a tree of spans, one a line, with bars over the time of the whole trace. The first span of each
// branch of a service carries the service's name. The message of a failed span is below it, unless its parent has the
// same message. title may be empty.
func (t Trace) Tree(st Style, title string) string {
	var b strings.Builder
	head := "trace " + Visible(t.ID)
	if title != "" {
		head += "  " + Visible(title)
	}
	fmt.Fprintf(&b, "%s  %s\n", st.Title(head), st.Quiet(Duration(t.End.Sub(t.Start))))
	labels := 0
	t.walk(func(n *Node, own, _ string) {
		labels = max(labels, columns(own+n.Name+t.service(n)))
	})
	labels = min(labels, nameMaximum)
	t.walk(func(n *Node, own, below string) { b.WriteString(t.lines(st, n, own, below, labels)) })
	return b.String()
}

// lines renders one span: the branches that lead to it, its name and service in the given number of columns, its
// duration and its bar.
func (t Trace) lines(st Style, n *Node, own, below string, labels int) string {
	indent, service := strings.Repeat(" ", treeIndent), t.service(n)
	name := Shorten(n.Name, max(8, labels-columns(own+service)))
	pad := strings.Repeat(" ", max(0, labels-columns(own+name+service)))
	text := indent + st.Quiet(own) + name + st.paint(cyan, service) + pad + "  " + right(Duration(n.Duration()), spanColumns)
	bar := t.bar(n)
	if n.Orphan && n.InvocationID == "" && !n.Remote {
		text = indent + st.Quiet(own+"(the span above did not arrive)") + "\n" + text
	}
	if !n.Failed {
		return text + "  " + bar + "\n"
	}
	text += "  " + left(bar, treeBarWidth) + " " + st.Fault("✗") + "\n"
	if n.Message == "" || n.above != nil && n.above.Message == n.Message {
		return text
	}
	message, _, _ := strings.Cut(n.Message, "\n")
	if len(n.Children) > 0 {
		below += "│  "
	}
	return text + indent + st.Quiet(below) + st.Fault("✗ "+Shorten(message, Width-treeIndent-columns(below)-2)) + "\n"
}

// service names the service of n if its parent has another service, and at a root if the trace has several services.
func (t Trace) service(n *Node) string {
	switch {
	case n.above == nil && len(t.Services) == 1:
		return ""
	case n.above != nil && n.above.Service == n.Service:
		return ""
	default:
		return " " + Visible(n.Service)
	}
}

// bar draws the time of n within the time of the whole trace.
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
