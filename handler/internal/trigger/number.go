package trigger

import (
	"math"
	"reflect"
	"strconv"
	"time"
)

// integer returns a whole number.
func (v *value) integer() (int64, bool) {
	if n, ok := v.digits(); ok {
		return n, true
	}
	f, ok := v.number()
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// digits returns a whole number of a few digits in JSON text, as most are.
func (v *value) digits() (n int64, ok bool) {
	if len(v.raw) == 0 || len(v.raw) > 9 {
		return 0, false
	}
	s := v.raw
	if s[0] == '-' {
		s = s[1:]
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if v.raw[0] == '-' {
		n = -n
	}
	return n, len(s) > 0
}

// number returns a number.
func (v *value) number() (float64, bool) {
	switch {
	case v.raw != nil:
		return parseNumber(string(v.raw))
	case v.decoded.Kind() == reflect.String && v.decoded.Type() == numberType:
		return parseNumber(v.decoded.String())
	case v.decoded.CanInt():
		return float64(v.decoded.Int()), true
	case v.decoded.CanUint():
		return float64(v.decoded.Uint()), true
	case v.decoded.CanFloat():
		return v.decoded.Float(), true
	}
	return 0, false
}

func parseNumber(s string) (float64, bool) {
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') { // strconv takes more than JSON has
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// moment returns a time as conventions want it: ISO 8601 in UTC, to the millisecond. It may be a time.Time, a struct around
// one, text, or seconds since 1970; empty for what is no time, or the zero one.
func (v *value) moment() string {
	t := v.time()
	if t.IsZero() {
		return ""
	}
	return t.Round(time.Millisecond).UTC().Format(time.RFC3339Nano)
}

func (v *value) time() time.Time {
	if v.decoded.Kind() == reflect.Struct {
		at := v.decoded
		if at.NumField() == 1 && at.Type() != timeType {
			at = at.Field(0)
		}
		if at.Type() != timeType || !at.CanInterface() {
			return time.Time{}
		}
		return at.Interface().(time.Time)
	}
	if seconds, ok := v.number(); ok {
		if seconds <= 0 || seconds > maxSeconds {
			return time.Time{}
		}
		return time.UnixMilli(int64(math.Round(seconds * 1000)))
	}
	t, err := time.Parse(time.RFC3339Nano, v.text())
	if err != nil {
		return time.Time{}
	}
	return t
}

// maxSeconds is the last second of the year 9999, after which ISO 8601 needs an agreement.
const maxSeconds = 253402300799
