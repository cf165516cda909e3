package budget

import "time"

// Between SIGTERM and SIGKILL a function's process has this long with an internal extension alone, or together with
// external ones (AWS Lambda Developer Guide, Lambda execution environment lifecycle, Shutdown phase).
const (
	windowAlone  = 500 * time.Millisecond
	windowShared = 300 * time.Millisecond
)

// ShutdownPlan says when the parts of a shutdown end. Each part but the last has CallGrace more to return.
type ShutdownPlan struct {
	Window   time.Duration // from the signal to the end
	Hooks    time.Time     // the shutdown hooks: half of the time
	Flush    time.Time     // the last flush alone: nine tenths of the time; then Shutdown begins
	Shutdown time.Time     // Shutdown, and the last flush
	End      time.Time     // everything, the last log line included
}

// PlanShutdown divides the window of a shutdown that begins now. shared says that there are external extensions.
func (b Budget) PlanShutdown(now time.Time, shared bool) ShutdownPlan {
	window := b.Shutdown
	if window == 0 {
		window = windowAlone
		if shared {
			window = windowShared
		}
		window -= min(b.Margin, window/2) // a margin of seconds must leave something
	}
	parts := window - 2*CallGrace
	return ShutdownPlan{
		Window:   window,
		Hooks:    now.Add(parts / 2),
		Flush:    now.Add(parts * 9 / 10),
		Shutdown: now.Add(parts),
		End:      now.Add(window),
	}
}
