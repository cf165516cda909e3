package emf

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// Limits of names and values, in characters. The specification's JSON schema allows a dimension's name 250, five less
// than the API Reference.
const (
	maxDimensions     = 30
	maxMetricName     = 255
	maxDimensionName  = 250
	maxDimensionValue = 1024
)

// renamed precedes a name that would occur twice in a line.
const renamed = "attr."

// reserved reports whether a line may have a member of that name that is neither a metric nor a dimension. The names do
// not depend on the log format: otherwise the format would change which custom metric a point belongs to.
func reserved(name string) bool { return name == "_aws" || name == "timestamp" || name == "level" }

// metricName returns the name of a metric in a line; empty: it has none.
func (c *Converter) metricName(name string) string {
	name = strings.ToValidUTF8(name, string(utf8.RuneError))
	if reserved(name) {
		c.report("reserved name", "metric %q is written as %q: CloudWatch and Lambda give the name a meaning of "+
			"their own", name, renamed+name)
		name = renamed + name
	}
	cut := prefix(name, maxMetricName)
	if cut != name {
		c.report("long name", "the name of metric %q is cut: CloudWatch accepts %d characters", name, maxMetricName)
	}
	return cut
}

// prefix returns the longest prefix of s, which is valid UTF-8, that has at most limit characters in UTF-16.
func prefix(s string, limit int) string {
	for i, r := range s {
		if limit -= utf16.RuneLen(r); limit < 0 {
			return s[:i]
		}
	}
	return s
}

// dimensions returns the dimensions of a point of a metric: its selected attributes with a value, the first 30 by name,
// in the characters that CloudWatch accepts.
func (c *Converter) dimensions(metric string, attributes attribute.Set) attribute.Set {
	if attributes.HasValue(overflowKey) {
		return overflow
	}
	kvs := make([]attribute.KeyValue, 0, min(attributes.Len(), maxDimensions))
	for iter := attributes.Iter(); iter.Next(); {
		kv := iter.Attribute()
		if c.selected != nil && !c.selected[string(kv.Key)] {
			continue
		}
		value := c.text(kv.Value.String(), maxDimensionValue, "value", metric)
		name := unusedName(c.text(string(kv.Key), maxDimensionName, "name", metric), metric, kvs)
		if value == "" || name == "" {
			continue
		}
		if len(kvs) == maxDimensions {
			c.report("too many dimensions", "metric %q has more than %d attributes: the first %d by name are its "+
				"dimensions (select them with EPILOGUE_EMF_DIMENSIONS)", metric, maxDimensions, maxDimensions)
			break
		}
		kvs = append(kvs, attribute.String(name, value))
	}
	return attribute.NewSet(kvs...)
}

// unusedName returns name, renamed if it is the metric's, one of kvs or reserved, or begins with a colon, which
// CloudWatch does not accept. It is empty if there is no such name.
func unusedName(name, metric string, kvs []attribute.KeyValue) string {
	used := func(name string) bool {
		for i := range kvs {
			if string(kvs[i].Key) == name {
				return true
			}
		}
		return name == metric || reserved(name) || strings.HasPrefix(name, ":")
	}
	for name != "" && used(name) {
		longer := renamed + name
		longer = longer[:min(len(longer), maxDimensionName)]
		if longer == name {
			return ""
		}
		name = longer
	}
	return name
}

// text returns s as CloudWatch accepts it in a dimension: ASCII without control characters, not blank, and at most
// limit characters long. A question mark replaces other characters. It is empty if s is blank.
func (c *Converter) text(s string, limit int, part, metric string) string {
	if strings.TrimSpace(s) == "" {
		return ""
	}
	cleaned := s
	if strings.ContainsFunc(s, notASCII) {
		cleaned = strings.Map(func(r rune) rune {
			if notASCII(r) {
				return '?'
			}
			return r
		}, s)
	}
	if len(cleaned) > limit {
		cleaned = cleaned[:limit]
		c.report("long dimension "+part, "metric %q has the %s of a dimension cut: CloudWatch accepts %d characters, "+
			"and %.50q has more", metric, part, limit, s)
	}
	if strings.TrimSpace(cleaned) == "" {
		return ""
	}
	return cleaned
}

func notASCII(r rune) bool { return r < ' ' || r > '~' }
