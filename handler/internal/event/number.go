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
	text := string(v.text)
	switch {
	case v.decoded.CanInt():
		return float64(v.decoded.Int()), true
	case v.decoded.CanUint():
		return float64(v.decoded.Uint()), true
	case v.decoded.CanFloat():
		return v.decoded.Float(), true
	case v.decoded.Kind() == reflect.String && v.decoded.Type() == numberType:
		text = v.decoded.String()
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// maxSeconds is the last second of the year 9999, the last one that ISO 8601 has without an agreement.
const maxSeconds = 253402300799

// Time returns a time: a time.Time, a struct around one, text in ISO 8601, or seconds since 1970. It is zero for any
// other value.
func (v Value) Time() time.Time {
	if v.decoded.IsValid() && v.decoded.CanInterface() {
		if t, ok := v.decoded.Interface().(interface{ UTC() time.Time }); ok {
			return t.UTC()
		}
	}
	if seconds, ok := v.number(); ok {
		if seconds <= 0 || seconds > maxSeconds {
			return time.Time{}
		}
		return time.UnixMilli(int64(math.Round(seconds * 1000)))
	}
	t, _ := time.Parse(time.RFC3339Nano, v.Text()) // zero if it is no time
	return t
}
