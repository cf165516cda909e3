package otelenv

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Headers reads OTEL_EXPORTER_OTLP_HEADERS: key1=value1,key2=value2 with percent-encoded values (W3C Baggage without
// metadata). Bad entries are errors and are left out. Of two values for one header the later one counts. It is nil if the
// variable is unset.
//
// Errors show nothing that could be a part of a value; after a comma that should have been encoded, that includes the name.
func (r *Reader) Headers(s Signal) map[string]string {
	key, value := r.Lookup(s.Keys("HEADERS")...)
	if key == "" {
		return nil
	}
	headers := map[string]string{}
	for i, entry := range List(value) {
		name, text, err := parseHeader(entry, i)
		if err != nil {
			r.Fail(fmt.Errorf("%s: %w", key, err))
			continue
		}
		maps.DeleteFunc(headers, func(other, _ string) bool { return strings.EqualFold(other, name) })
		headers[name] = text
	}
	return headers
}

// CheckHeaders removes from headers, the value of the setting called name, what no request can carry. Each such header is
// an error.
func (r *Reader) CheckHeaders(name string, headers map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(headers)) {
		switch {
		case !isToken(key):
			r.Fail(fmt.Errorf("%s: %s is not a valid header name; the header is left out", name, Quote(key)))
		case hasControl(headers[key]):
			r.Fail(fmt.Errorf("%s: the value of %s has a control character; the header is left out", name, key))
		default:
			continue
		}
		delete(headers, key)
	}
}

func parseHeader(entry string, index int) (name, value string, err error) {
	name, value, found := strings.Cut(entry, "=")
	name = strings.TrimSpace(name)
	place := fmt.Sprintf("entry %d", index+1)
	switch {
	case !found:
		return "", "", fmt.Errorf("%s has no = (write name=value, with %%2C for a comma in a value)", place)
	case !isToken(name):
		return "", "", fmt.Errorf("%s has no valid header name (write name=value)", place)
	case index == 0:
		place = name
	}
	value, err = url.PathUnescape(strings.TrimSpace(value))
	if err != nil {
		return "", "", fmt.Errorf("the value of %s is not percent-encoded (write %%25 for %%)", place)
	}
	if hasControl(value) {
		return "", "", fmt.Errorf("the value of %s has a control character", place)
	}
	return name, value, nil
}

// hasControl reports whether value has a character that a header's value may not have (RFC 9110, 5.5).
func hasControl(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// isToken reports whether s can be the name of a header (RFC 9110, 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// Pair is a key with its value.
type Pair struct{ Key, Value string }

// Attributes reads key1=value1,key2=value2 with percent-encoded keys and values. If an entry is bad, all are discarded
// (OpenTelemetry Specification, "Resource SDK"), and one error names all bad entries.
func (r *Reader) Attributes(key string) (pairs []Pair) {
	_, value := r.Lookup(key)
	var bad []string
	for _, entry := range List(value) {
		pair, err := parseAttribute(entry)
		if err != nil {
			bad = append(bad, fmt.Sprintf("entry %s %v", Quote(entry), err))
			continue
		}
		pairs = append(pairs, pair)
	}
	if bad != nil {
		r.Fail(fmt.Errorf("%s: %s; the whole variable is ignored", key, strings.Join(bad, "; ")))
		return nil
	}
	return pairs
}

func parseAttribute(entry string) (pair Pair, err error) {
	k, v, found := strings.Cut(entry, "=")
	if !found {
		return Pair{}, errors.New("has no = (write key=value)")
	}
	if pair.Key, err = url.PathUnescape(strings.TrimSpace(k)); err == nil {
		pair.Value, err = url.PathUnescape(strings.TrimSpace(v))
	}
	switch {
	case err != nil:
		return Pair{}, errors.New("is not percent-encoded (write %25 for %)")
	case !utf8.ValidString(pair.Key) || !utf8.ValidString(pair.Value): // apart: together they may be valid
		return Pair{}, errors.New("does not decode to UTF-8 (write %C3%A9 for é)")
	case pair.Key == "":
		return Pair{}, errors.New("has no key (write key=value)")
	}
	return pair, nil
}
