package event

import (
	"math"
	"reflect"
	"strconv"
	"time"
)

// Integer returns a whole number of at most 53 bits, in any notation.
func (v Value) Integer() (int64, bool) {
	f, ok := v.number()
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// number returns a number.
func (v Value) number() (float64, bool) {
	switch {
	case v.text != nil:
		return parseNumber(string(v.text))
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
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') { // strconv accepts more than JSON
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// maxSeconds is the last second of the year 9999, the last one that ISO 8601 has without an agreement.
const maxSeconds = 253402300799

var timeType = reflect.TypeFor[time.Time]()

// Time returns a time: a time.Time, a struct around one, text in ISO 8601, or seconds since 1970. It is zero for any other
// value.
func (v Value) Time() time.Time {
	if v.decoded.Kind() == reflect.Struct {
		return structTime(v.decoded)
	}
	if seconds, ok := v.number(); ok {
		if seconds <= 0 || seconds > maxSeconds {
			return time.Time{}
		}
		return time.UnixMilli(int64(math.Round(seconds * 1000)))
	}
	t, err := time.Parse(time.RFC3339Nano, v.Text())
	if err != nil {
		return time.Time{}
	}
	return t
}

// structTime returns a time.Time, or the only field of a struct if it is one.
func structTime(v reflect.Value) time.Time {
	if v.NumField() == 1 && v.Type() != timeType {
		v = v.Field(0)
	}
	if v.Type() != timeType || !v.CanInterface() {
		return time.Time{}
	}
	return v.Interface().(time.Time)
}
