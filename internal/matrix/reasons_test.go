package matrix

import (
	"errors"
	"fmt"
)

// reason says where spans are not delivered, or not as they should be, and why nobody could do better.
type reason struct {
	kind  kind
	where string
	why   string
	holds func(place) bool
}

var reasons = []reason{
	{
		pending, "TLS and DNS, in every row",
		"There is no backend. The spans are kept to the end of the process, whose last line counts them.",
		func(p place) bool { return p.backend.unreachable && !p.platform.unregistered },
	},
	{
		pending, "hangs, where the invocation takes the process along by SIGTERM",
		"The backend answers nothing before the window is over. The last line counts the spans.",
		func(p place) bool {
			return p.hangs() && !p.platform.unregistered && p.end.fate == terminated && !p.end.afterwards
		},
	},
	{
		lost, "os.Exit in the handler, with every backend",
		"It ends the process in the middle of the invocation, and runs nothing of ours.",
		func(p place) bool { return p.end.fate == exits },
	},
	{
		lost, "a panic, and a response refused with 413, where the backend hangs or there is none",
		"The flush that comes before the end of the process is bounded, and aws-lambda-go ends it right after.",
		func(p place) bool { return p.end.fate == exits1 && p.fails() },
	},
	{
		lost, "registration refused, TLS and DNS",
		"Without an extension there is no SIGTERM: SIGKILL takes what the process still holds.",
		func(p place) bool { return p.platform.unregistered && p.backend.unreachable },
	},
	{
		lost, "registration refused, SIGTERM in the handler or in the flush",
		"It is SIGKILL there: the spans are open or on their way.",
		func(p place) bool { return p.killedMidway() },
	},
	{
		lost, "registration refused, hangs, where the invocation takes the process along",
		"SIGKILL takes what the flush of the invocation could not deliver.",
		func(p place) bool { return p.platform.unregistered && p.hangs() && p.end.fate == terminated },
	},
	{
		provisional, "registration refused, timeout",
		"SIGKILL ends the spans; before the deadline the agent has sent copies of them, as if they ended then.",
		func(p place) bool {
			return p.platform.unregistered && p.end.leavesOpen && !p.fails() && !p.backend.refuses
		},
	},
	{
		rejected, "partial",
		"The backend has the spans and does not want one of them: to send it again is of no use.",
		func(p place) bool { return p.backend.rejects && p.sends() },
	},
	{
		refused, "400",
		"The backend has the spans and does not want them: to send them again is of no use.",
		func(p place) bool { return p.backend.refuses && p.sends() },
	},
}

// hangs says that the backend does.
func (p place) hangs() bool { return p.backend.bad.Hang }

// fails says that nothing is delivered while the backend is bad.
func (p place) fails() bool { return p.backend.unreachable || p.hangs() }

// killedMidway says that SIGKILL comes while spans are open or on their way.
func (p place) killedMidway() bool {
	return p.platform.unregistered && p.end.fate == terminated && !p.end.neverAnswers && !p.end.afterwards
}

// sends says that a request is answered while the backend is bad.
func (p place) sends() bool { return p.end.spans > 0 && p.end.fate != exits && !p.killedMidway() }

// justified reports an error for each kind of loss in a that no reason explains, and for each reason that claims a loss
// which is none: then the reason is wrong.
func justified(p place, a account) (errs error) {
	for _, k := range kinds {
		explained := false
		for _, r := range reasons {
			explained = explained || r.kind == k && r.holds(p)
		}
		switch n := a.of(k); {
		case n != 0 && !explained:
			errs = errors.Join(errs, fmt.Errorf("%d %s without a reason", n, k))
		case n == 0 && explained:
			errs = errors.Join(errs, fmt.Errorf("none %s, though there is a reason for it", k))
		}
	}
	return errs
}
