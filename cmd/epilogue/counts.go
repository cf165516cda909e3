package main

import (
	"strconv"
	"strings"

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

// pricesEnded is in the last line of examples/prices, which has no agent: it logs its counts.
const pricesEnded = "prices has ended"

// parsePrices reads the counts in the last line of examples/prices: NAME.ended=21 NAME.exported=19 and so on.
func parsePrices(line string) (report.Counts, bool) {
	_, attrs, ok := strings.Cut(line, pricesEnded)
	if !ok {
		return report.Counts{}, false
	}
	var c report.Counts
	known := map[string]*int{"ended": &c.Ended, "exported": &c.Exported, "pending": &c.Pending, "dropped": &c.Dropped}
	found := false
	for _, attr := range strings.Fields(attrs) {
		key, text, _ := strings.Cut(attr, "=")
		field := known[key[strings.LastIndexByte(key, '.')+1:]]
		if field == nil {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return report.Counts{}, false
		}
		*field, found = n, found || field == &c.Ended
	}
	return c, found
}
