package emf

import "strings"

// cloudWatchUnit returns CloudWatch's unit for that of an instrument, which is UCUM's (OpenTelemetry semantic
// conventions, "Instrument units") or CloudWatch's own. It is empty if CloudWatch has none, for example for KiBy and
// ns.
func cloudWatchUnit(unit string) string {
	if ownUnit(unit) {
		return unit
	}
	unit, annotated := withoutAnnotations(unit)
	if unit == "" && annotated {
		return "Count"
	}
	for _, u := range &units {
		if u.ucum == unit {
			return u.name
		}
	}
	return ""
}

var units = [...]struct{ ucum, name string }{
	{"s", "Seconds"},
	{"ms", "Milliseconds"},
	{"us", "Microseconds"},
	{"µs", "Microseconds"},
	{"%", "Percent"},
	{"1", "Count"},
	{"1/s", "Count/Second"},
	{"/s", "Count/Second"},
	{"By", "Bytes"},
	{"kBy", "Kilobytes"},
	{"MBy", "Megabytes"},
	{"GBy", "Gigabytes"},
	{"TBy", "Terabytes"},
	{"bit", "Bits"},
	{"kbit", "Kilobits"},
	{"Mbit", "Megabits"},
	{"Gbit", "Gigabits"},
	{"Tbit", "Terabits"},
	{"By/s", "Bytes/Second"},
	{"kBy/s", "Kilobytes/Second"},
	{"MBy/s", "Megabytes/Second"},
	{"GBy/s", "Gigabytes/Second"},
	{"TBy/s", "Terabytes/Second"},
	{"bit/s", "Bits/Second"},
	{"kbit/s", "Kilobits/Second"},
	{"Mbit/s", "Megabits/Second"},
	{"Gbit/s", "Gigabits/Second"},
	{"Tbit/s", "Terabits/Second"},
}

func ownUnit(unit string) bool {
	for _, u := range &units {
		if u.name == unit {
			return true
		}
	}
	return false
}

// withoutAnnotations removes UCUM's annotations, such as that of "By{sent}".
func withoutAnnotations(unit string) (rest string, annotated bool) {
	for {
		before, from, found := strings.Cut(unit, "{")
		_, after, closed := strings.Cut(from, "}")
		if !found || !closed {
			return unit, annotated
		}
		unit, annotated = before+after, true
	}
}
