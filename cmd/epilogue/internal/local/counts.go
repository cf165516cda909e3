package local

import (
	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/internal/report"
)

// readCounts reads the span counts that the agent of a process wrote at its shutdown. It reports false if there are none:
// the process exited by itself, or has no agent.
func readCounts(path string) (report.Counts, bool) {
	r, err := counts.ReadReport(path)
	if err != nil {
		return report.Counts{}, false
	}
	for _, s := range r.Signals {
		if s.Name == "traces" {
			return report.Counts{
				Ended: int(s.Ended), Exported: int(s.Exported), Pending: int(s.Pending + s.Spilled), Dropped: int(s.Dropped),
			}, true
		}
	}
	return report.Counts{}, false
}
