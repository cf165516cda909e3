package matrix

import "slices"

// reason says in which cells items are not delivered, or not as they should be, and why no one could do better.
type reason struct {
	kind  kind
	cells string
	why   string
	holds func(place) bool
	only  []signal // that it is about; none: all
}

func (r reason) of(s signal) bool { return len(r.only) == 0 || slices.Contains(r.only, s) }

var reasons = []reason{
	{
		pending, "TLS and DNS, in every row",
		"There is no backend. The process keeps the items until its end, and its last line counts them.",
		func(p place) bool { return p.backend.unreachable && !p.platform.unregistered },
		nil,
	},
	{
		pending, "hangs, in the rows in which SIGTERM ends the process during the invocation",
		"The backend answers nothing before the window is over. The last line counts the items.",
		func(p place) bool {
			return p.hangs() && !p.platform.unregistered && p.end.after == terminated && !p.end.whenFrozen
		},
		nil,
	},
	{
		lost, "os.Exit in the handler, with every backend",
		"It ends the process in the middle of the invocation, without a call of ours.",
		func(p place) bool { return p.end.after == exits },
		nil,
	},
	{
		lost, "a panic and a response refused with 413, with the backends hangs, TLS and DNS",
		"The flush before the end of the process is bounded, and aws-lambda-go ends the process right after it.",
		func(p place) bool { return p.end.after == exits1 && p.fails() },
		nil,
	},
	{
		lost, "registration refused, TLS and DNS",
		"Without an extension there is no SIGTERM: SIGKILL takes the items that the process still holds.",
		func(p place) bool { return p.platform.unregistered && p.backend.unreachable },
		nil,
	},
	{
		lost, "registration refused, SIGTERM in the handler or in the flush",
		"SIGKILL comes while the items are with the process or on their way.",
		func(p place) bool { return p.killedMidway() },
		nil,
	},
	{
		lost, "registration refused, hangs, in the rows in which SIGKILL ends the process",
		"SIGKILL takes the items that the flush of the invocation could not deliver.",
		func(p place) bool { return p.platform.unregistered && p.hangs() && p.end.after == terminated },
		nil,
	},
	{
		rejected, "partial",
		"The backend refuses one of the items for good. A later collection has the sums of a data point.",
		func(p place) bool { return p.backend.rejects && p.sends() },
		[]signal{spans, records},
	},
	{
		refused, "400",
		"The backend refuses the items for good.",
		func(p place) bool { return p.backend.refuses && p.sends() },
		[]signal{spans, records},
	},
	{
		refused, "400, in the rows in which the process ends during the invocation",
		"The backend refuses the last collection for good. In the other rows a later one has the sums.",
		func(p place) bool { return p.backend.refuses && p.sends() && p.end.after != lives && !p.end.whenFrozen },
		[]signal{measurements},
	},
	{
		lost, "registration refused, in the rows in which SIGKILL ends the process in a freeze",
		"SIGKILL takes the measurements since the last collection, at most those of a minute.",
		func(p place) bool { return p.platform.unregistered && (p.end.after == lives || p.end.whenFrozen) },
		[]signal{measurements},
	},
}

// hangs says that the backend does.
func (p place) hangs() bool { return p.backend.bad.Hang }

// fails says that nothing is delivered while the backend is bad.
func (p place) fails() bool { return p.backend.unreachable || p.hangs() }

// killedMidway says that SIGKILL comes while spans are open or on their way.
func (p place) killedMidway() bool {
	return p.platform.unregistered && p.end.after == terminated && !p.end.timesOut && !p.end.whenFrozen
}

// sends says that a request is answered while the backend is bad.
func (p place) sends() bool { return p.end.spans > 0 && p.end.after != exits && !p.killedMidway() }
