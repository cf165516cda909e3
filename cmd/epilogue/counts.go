package main

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/epilogue-go/epilogue/internal/report"
)

// farewell is in the line with which the agent ends a process after SIGTERM.
const farewell = "graceful shutdown completed"

// countPattern finds the attributes of a line of slog's text or JSON handler, or of package log's: telemetry.ended=21,
// "ended":21.
var countPattern = regexp.MustCompile(`(?:^|[\s.{,"])(ended|exported|pending|dropped)"?[=:]\s*(\d{1,18})\b`)

// parseCounts reads the account out of a line of a process's log. A line without the number of ended spans has none.
func parseCounts(line string) (report.Counts, bool) {
	var c report.Counts
	found := false
	for _, m := range countPattern.FindAllStringSubmatch(line, -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return report.Counts{}, false
		}
		switch m[1] {
		case "ended":
			c.Ended, found = n, true
		case "exported":
			c.Exported = n
		case "pending":
			c.Pending = n
		case "dropped":
			c.Dropped = n
		}
	}
	return c, found
}

// parseFarewell reads the account out of the agent's last line.
func parseFarewell(line string) (report.Counts, bool) {
	if !strings.Contains(line, farewell) {
		return report.Counts{}, false
	}
	return parseCounts(line)
}
