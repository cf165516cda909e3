package otelx

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// environment reads settings and collects what is wrong with them. An empty variable counts as unset, and a bad value
// as not given (OpenTelemetry Specification, "Environment Variable Specification": empty values, numeric, enum).
type environment struct {
	getenv func(string) string
	errs   []error
}

// lookup returns the first of keys that is set, with its value; two empty strings if none is.
func (e *environment) lookup(keys ...string) (key, value string) {
	for _, k := range keys {
		if v := strings.TrimSpace(e.getenv(k)); v != "" {
			return k, v
		}
	}
	return "", ""
}

// reject notes that a variable has a bad value, and what to write instead.
func (e *environment) reject(key, value, format string, args ...any) {
	e.errs = append(e.errs, fmt.Errorf("%s=%s: %s", key, quote(value), fmt.Sprintf(format, args...)))
}

// quote shortens what is too long to be read.
func quote(value string) string {
	const most = 120
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return strconv.Quote(value)
}

// boolean is true for "true" in any case.
func (e *environment) boolean(key string) bool {
	_, value := e.lookup(key)
	switch strings.ToLower(value) {
	case "true":
		return true
	case "", "false":
	default:
		e.reject(key, value, "write true or false; it counts as false")
	}
	return false
}

// parsed returns the first of keys with a value that parse takes, fallback if there is none. Values that it does not
// take are rejected and count as unset, so that a setting for all signals counts where the one for traces is bad.
func parsed[T any](e *environment, fallback T, parse func(string) (T, error), keys []string) T {
	for _, k := range keys {
		key, value := e.lookup(k)
		if key == "" {
			continue
		}
		v, err := parse(value)
		if err == nil {
			return v
		}
		e.reject(key, value, "%v; it counts as unset", err)
	}
	return fallback
}

// integer reads a number from least to the largest 32-bit one.
func (e *environment) integer(least, fallback int, keys ...string) int {
	return parsed(e, fallback, func(value string) (int, error) { return parseInt(value, least) }, keys)
}

// within reads a number from least to most.
func (e *environment) within(least, most, fallback int, keys ...string) int {
	return parsed(e, fallback, func(value string) (int, error) { return parseWithin(value, least, most) }, keys)
}

func parseInt(value string, least int) (int, error) { return parseWithin(value, least, math.MaxInt32) }

func parseWithin(value string, least, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("no whole number; write %d to %d", least, most)
	}
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("out of range; write %d to %d", least, most)
	}
	return n, nil
}

// millis reads a number of milliseconds, 0 included.
func (e *environment) millis(fallback time.Duration, keys ...string) time.Duration {
	return parsed(e, fallback, parseMillis, keys)
}

func parseMillis(value string) (time.Duration, error) {
	n, err := parseInt(value, 0)
	if err == nil {
		return time.Duration(n) * time.Millisecond, nil
	}
	if d, derr := time.ParseDuration(value); derr == nil && d >= 0 {
		return 0, fmt.Errorf("no number of milliseconds; write %d", d.Milliseconds())
	}
	return 0, fmt.Errorf("no number of milliseconds: %w", err)
}

// choice reads one of known, in any case.
func (e *environment) choice(known []string, fallback string, keys ...string) string {
	return parsed(e, fallback, func(value string) (string, error) {
		for _, k := range known {
			if strings.EqualFold(value, k) {
				return k, nil
			}
		}
		return "", fmt.Errorf("not known; write %s", alternatives(known))
	}, keys)
}

// alternatives joins words as "a, b or c".
func alternatives(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// list splits at commas and drops blanks.
func list(value string) []string {
	var out []string
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
