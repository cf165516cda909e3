// Package variables lists the EPILOGUE_* environment variables, so that the program is told about one that has no effect.
package variables

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// known are the variables that agent, handler, otelx and the command read.
var known = []string{
	"EPILOGUE_DEADLINE_MARGIN",
	"EPILOGUE_EMF_DIMENSIONS",
	"EPILOGUE_EMF_MAX_SERIES",
	"EPILOGUE_EMF_NAMESPACE",
	"EPILOGUE_END_BEFORE_TIMEOUT",
	"EPILOGUE_EXTENSION_NAME",
	"EPILOGUE_FAAS_METRICS",
	"EPILOGUE_FLUSH_STRATEGY",
	"EPILOGUE_FLUSH_TIMEOUT",
	"EPILOGUE_HANDLER_START_WAIT",
	"EPILOGUE_MAX_CONCURRENT_REQUESTS",
	"EPILOGUE_MAX_QUEUE_BYTES",
	"EPILOGUE_MAX_REQUEST_SIZE",
	"EPILOGUE_MAX_RESPONSE_SIZE",
	"EPILOGUE_METRIC_COLLECTION",
	"EPILOGUE_PRE_TIMEOUT_FLUSH",
	"EPILOGUE_SHUTDOWN_BUDGET",
	"EPILOGUE_SHUTDOWN_ONLY",
	"EPILOGUE_SHUTDOWN_REPORT",
	"EPILOGUE_SPILL",
	"EPILOGUE_SPILL_MAX_BYTES",
	"EPILOGUE_WITHOUT_EXIT",
}

// Renamed is a variable that has a new name.
type Renamed struct{ Name, Successor string }

// Agent has the renamed variables of package agent.
var Agent = []Renamed{
	{"EPILOGUE_GRACE", "EPILOGUE_HANDLER_START_WAIT"},
	{"EPILOGUE_MARGIN", "EPILOGUE_DEADLINE_MARGIN"},
	{"EPILOGUE_PROVISIONAL_SPANS", "EPILOGUE_END_BEFORE_TIMEOUT"},
	{"EPILOGUE_SIGNAL_ONLY", "EPILOGUE_SHUTDOWN_ONLY"},
	{"EPILOGUE_TIMEOUT_GUARD", "EPILOGUE_PRE_TIMEOUT_FLUSH"},
}

// OTelX has the renamed variables of package otelx.
var OTelX = []Renamed{
	{"EPILOGUE_LAST_RESORT", "EPILOGUE_SPILL"},
	{"EPILOGUE_LAST_RESORT_MAX_BYTES", "EPILOGUE_SPILL_MAX_BYTES"},
}

// CheckRenamed returns an error for each variable of the table that is set.
func CheckRenamed(table []Renamed, getenv func(string) string) (errs []error) {
	for _, v := range table {
		if getenv(v.Name) != "" {
			errs = append(errs, fmt.Errorf("%s is set and ignored: it is now called %s", v.Name, v.Successor))
		}
	}
	return errs
}

// reported has the names that CheckUnknown has returned an error for.
var reported sync.Map

// CheckUnknown returns an error for each EPILOGUE_* variable of environ, a list as that of os.Environ, that no package reads.
// It names the known variable that is likely meant. With once it leaves out the variables of earlier errors, so that otelx and
// the agent do not both report one.
func CheckUnknown(environ []string, once bool) (errs []error) {
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "EPILOGUE_") || value == "" || slices.Contains(known, name) || isRenamed(name) {
			continue
		}
		if _, before := reported.LoadOrStore(name, true); before && once {
			continue
		}
		remedy := "the known ones are " + strings.Join(known, ", ")
		if meant := likely(name); meant != "" {
			remedy = "is " + meant + " meant?"
		}
		errs = append(errs, fmt.Errorf("%s is set, but no such variable is known (%s)", name, remedy))
	}
	return errs
}

func isRenamed(name string) bool {
	return slices.ContainsFunc(slices.Concat(Agent, OTelX), func(v Renamed) bool { return v.Name == name })
}

// likely returns the known variable whose name is nearest to an unknown one; empty if none is near.
func likely(name string) string {
	nearest := slices.MinFunc(known, func(a, b string) int { return distance(a, name) - distance(b, name) })
	if distance(nearest, name) > len(name)/4 {
		return ""
	}
	return nearest
}

// distance is the number of bytes to insert, delete or replace that make b of a (Levenshtein distance).
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the prefixes of b, for a growing prefix of a
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
