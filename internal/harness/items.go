package harness

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// RecordID returns the id of a log record of the function; ok is false for a record of something else.
func RecordID(r otlpreceiver.LogRecord) (id string, ok bool) {
	id, ok = r.Attributes[recordID].(string)
	return id, ok
}

// EmittedRecords returns the ids of the log records that the function emitted.
func (ev *Events) EmittedRecords() (ids []string) {
	for _, line := range ev.Lines(recordEmitted) {
		if id, ok := ParseRecordLine(line); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Measurements returns how many measurements the function made.
func (ev *Events) Measurements() (sum int) {
	for _, line := range ev.Lines(measured) {
		n, _ := ParseMeasuredLine(line)
		sum += n
	}
	return sum
}

// CheckRecords compares the log records that the function emitted with those that arrived: each once, unless an exception
// is allowed.
func (ev *Events) CheckRecords(arrived []otlpreceiver.LogRecord) (errs error) {
	missing, seen := make(map[string]bool), make(map[string]bool)
	for _, id := range ev.EmittedRecords() {
		missing[id] = true
	}
	emitted := len(missing)
	for _, record := range arrived {
		id, ok := RecordID(record)
		switch {
		case !ok:
			continue
		case seen[id] && !ev.Allow.Twice:
			errs = errors.Join(errs, fmt.Errorf("log record %s arrived twice", id))
		case !seen[id] && !missing[id]:
			errs = errors.Join(errs, fmt.Errorf("log record %s arrived and was never emitted", id))
		}
		seen[id] = true
		delete(missing, id)
	}
	if len(missing) != ev.Allow.LostRecords {
		errs = errors.Join(errs, fmt.Errorf("of %d log records %d did not arrive; want %d", emitted, len(missing), ev.Allow.LostRecords))
	}
	return errs
}

// CheckMeasurements compares the measurements that the function made with the sums in the data points that arrived.
func (ev *Events) CheckMeasurements(arrived []otlpreceiver.DataPoint) (errs error) {
	made, sums := ev.Measurements(), Sum(arrived)
	if sums.Repeated > 0 && !ev.Allow.Twice {
		errs = fmt.Errorf("%d delta points arrived twice", sums.Repeated)
	}
	if sums.Counted != made-ev.Allow.LostMeasurements || sums.Recorded != sums.Counted {
		errs = errors.Join(errs, fmt.Errorf("of %d measurements the counter has %d and the histogram %d; want both without %d",
			made, sums.Counted, sums.Recorded, ev.Allow.LostMeasurements))
	}
	return errs
}

// Sums are the measurements that data points tell of.
type Sums struct {
	Counted  int // by the counter
	Recorded int // by the histogram, which has their sum too
	Repeated int // delta points that arrived again; they are not in the sums
}

// Sum adds up the points of the function's instruments. Of a cumulative series the last point counts, of a delta all do.
func Sum(points []otlpreceiver.DataPoint) (s Sums) {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b otlpreceiver.DataPoint) int { return a.Time.Compare(b.Time) })
	last := make(map[seriesKey]int)
	for _, p := range points {
		if p.Name != counterName && p.Name != histogramName {
			continue
		}
		key := keyOf(p)
		_, again := last[key]
		if again && p.Temporality == "delta" {
			s.Repeated++
		}
		last[key] = measurements(p)
	}
	for key, n := range last {
		if key.name == counterName {
			s.Counted += n
		} else {
			s.Recorded += n
		}
	}
	return s
}

// seriesKey identifies a series of a process, and one point of a series of deltas. A process is known by its start: all
// processes of an environment have the same resource.
type seriesKey struct {
	name, series string
	start, end   time.Time // end is zero if the series is cumulative
}

func keyOf(p otlpreceiver.DataPoint) seriesKey {
	key := seriesKey{name: p.Name, series: fmt.Sprint(p.Attributes["series"]), start: p.Start}
	if p.Temporality == "delta" {
		key.end = p.Time
	}
	return key
}

// measurements returns how many measurements a point has; -1 if it contradicts itself.
func measurements(p otlpreceiver.DataPoint) int {
	if p.Name == counterName {
		n, _ := p.Value.(int64)
		return int(n)
	}
	n := int(p.Count) //nolint:gosec // a small number
	if p.Sum == nil || *p.Sum != float64(n)*measuredSize {
		return -1
	}
	return n
}
