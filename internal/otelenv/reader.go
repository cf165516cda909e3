package otelenv

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reader reads variables and collects errors about them. It must not be used by several goroutines at once.
type Reader struct {
	getenv func(string) string
	errs   []error
	texts  []string // of errs, without consequences
}

// New returns a Reader of the variables that getenv returns. An empty value means unset.
func New(getenv func(string) string) *Reader { return &Reader{getenv: getenv} }

// Errs returns the errors so far.
func (r *Reader) Errs() []error { return r.errs }

// Fail adds an error, unless it has been added before: several signals read the variables for all of them.
func (r *Reader) Fail(err error) {
	if text := err.Error(); !slices.Contains(r.texts, text) {
		r.errs, r.texts = append(r.errs, err), append(r.texts, text)
	}
}

// Mark returns a mark for Conclude.
func (r *Reader) Mark() int { return len(r.errs) }

// Conclude adds a consequence to the errors since a mark, and reports whether there are any.
func (r *Reader) Conclude(mark int, consequence string) bool {
	for i := range r.errs[mark:] {
		r.errs[mark+i] = fmt.Errorf("%w; %s", r.errs[mark+i], consequence)
	}
	return len(r.errs) > mark
}

// Reject adds the error that the variable key has a bad value.
func (r *Reader) Reject(key, value, problem string) {
	r.Fail(fmt.Errorf("%s=%s: %s", key, Quote(value), problem))
}

// Lookup returns the first of keys that is set, with its value without surrounding space; two empty strings if none is.
func (r *Reader) Lookup(keys ...string) (key, value string) {
	for _, k := range keys {
		if v := strings.TrimSpace(r.getenv(k)); v != "" {
			return k, v
		}
	}
	return "", ""
}

// Int returns the first whole number from least to most among keys.
func (r *Reader) Int(least, most, fallback int, keys ...string) int {
	return first(r, fallback, func(value string) (int, error) { return parseInt(value, least, most) }, keys)
}

// MaxInt is the largest number that the variables of the specification take.
const MaxInt = math.MaxInt32

// Millis returns the first number of milliseconds among keys. 0 is a value.
func (r *Reader) Millis(fallback time.Duration, keys ...string) time.Duration {
	return first(r, fallback, parseMillis, keys)
}

// Ratio returns the first number from 0 to 1 among keys.
func (r *Reader) Ratio(fallback float64, keys ...string) float64 {
	return first(r, fallback, parseRatio, keys)
}

// Choice returns the first of the known words among keys. Case does not count.
func (r *Reader) Choice(known []string, fallback string, keys ...string) string {
	return first(r, fallback, func(value string) (string, error) {
		for _, k := range known {
			if strings.EqualFold(value, k) {
				return k, nil
			}
		}
		return "", fmt.Errorf("unknown (write %s)", Alternatives(known))
	}, keys)
}

// first returns the first value among keys that parse accepts, or fallback. It rejects the others.
func first[T any](r *Reader, fallback T, parse func(string) (T, error), keys []string) T {
	for _, k := range keys {
		key, value := r.Lookup(k)
		if key == "" {
			continue
		}
		v, err := parse(value)
		if err == nil {
			return v
		}
		r.Reject(key, value, err.Error())
	}
	return fallback
}

func parseInt(value string, least, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("not a whole number (write %d to %d)", least, most)
	}
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("out of range (write %d to %d)", least, most)
	}
	return n, nil
}

func parseMillis(value string) (time.Duration, error) {
	n, err := parseInt(value, 0, MaxInt)
	if err == nil {
		return time.Duration(n) * time.Millisecond, nil
	}
	example := "for example 5000"
	if d, wrong := time.ParseDuration(value); wrong == nil && d > 0 {
		example = fmt.Sprintf("write %d", d.Milliseconds())
	}
	return 0, fmt.Errorf("not a number of milliseconds (%s)", example)
}

func parseRatio(value string) (float64, error) {
	ratio, err := strconv.ParseFloat(value, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) { // NaN is neither
		return 0, errors.New("not a number from 0 to 1 (for example 0.25)")
	}
	return ratio, nil
}

// Quote quotes a value for an error and shortens it to a readable length.
func Quote(value string) string {
	const most = 120
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return strconv.Quote(value)
}

// Alternatives joins words as "a, b or c".
func Alternatives(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// List splits a value at commas, trims the parts and drops empty ones.
func List(value string) []string {
	var out []string
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
