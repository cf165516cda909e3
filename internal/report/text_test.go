package report

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0 ms"},
		{850 * time.Nanosecond, "<1 µs"},
		{42 * time.Microsecond, "42 µs"},
		{100 * time.Microsecond, "0.1 ms"},
		{18234 * time.Microsecond, "18.2 ms"},
		{999940 * time.Microsecond, "999.9 ms"},
		{999960 * time.Microsecond, "1.00 s"},
		{3 * time.Second, "3.00 s"},
		{99 * time.Second, "99.00 s"},
		{150 * time.Second, "2.5 min"},
		{time.Hour, "1 h"},
		{100 * time.Minute, "1.67 h"},
		{-time.Millisecond, "-1.0 ms"},
	} {
		if got := Duration(c.d); got != c.want {
			t.Errorf("Duration(%d ns): got %q, want %q", c.d.Nanoseconds(), got, c.want)
		}
	}
}

// A busy machine's flush from 135.1 to 301.8 ms was wider than its column, and moved all that follows.
func TestIntervalFitsItsColumn(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		from, to time.Duration
		want     string
	}{
		{0, 0, "–"},
		{5500 * time.Microsecond, 6200 * time.Microsecond, "5.5–6.2 ms"},
		{99 * ms, 99900 * time.Microsecond, "99.0–99.9 ms"},
		{135100 * time.Microsecond, 301800 * time.Microsecond, "135–302 ms"},
		{998 * ms, 999 * ms, "998–999 ms"},
		{4400 * time.Microsecond, 1200 * ms, "4 ms–1.20 s"},
		{980 * ms, 15 * time.Minute, "980 ms–900.0 s"},
		{2 * time.Second, 2003 * ms, "2.00–2.00 s"},
		{899 * time.Second, 15 * time.Minute, "899.0–900.0 s"},
	} {
		got := interval(c.from, c.to)
		if got != c.want {
			t.Errorf("interval(%v, %v) = %q, want %q", c.from, c.to, got, c.want)
		}
		if wide := c.to-c.from > time.Minute; !wide && columns(got) > intervalColumns {
			t.Errorf("interval(%v, %v) = %q takes %d columns of %d", c.from, c.to, got, columns(got), intervalColumns)
		}
	}
}
