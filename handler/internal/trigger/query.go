package trigger

import (
	"net/url"
	"slices"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// redacted stands for a value that is not recorded (OpenTelemetry conventions, url.query).
const redacted = "REDACTED"

// addQuery adds the query, with the values that the program has asked for. The other values are redacted: the conventions list
// some keys whose values are, and no list knows what a program takes.
func (c *Cause) addQuery(d *document, s *Settings) {
	if raw := d.rawQuery.text(); raw != "" {
		c.add(semconv.URLQuery(redact(raw, s.QueryValues)))
		return
	}
	parameters := d.multiQuery
	if !parameters.present() || parameters.empty() {
		parameters = d.query
	}
	if !parameters.present() || parameters.empty() {
		return
	}
	encode := url.QueryEscape
	if d.elb.present() {
		encode = func(s string) string { return s } // a load balancer leaves them as they were sent
	}
	c.add(semconv.URLQuery(assemble(parameters, encode, s.QueryValues)))
}

// redact replaces the values in a query string. What stands without a name may be a value; so may what stands ahead of a
// semicolon, which some take for an ampersand.
func redact(query string, recorded []string) string {
	var b strings.Builder
	b.Grow(len(query))
	for i, pair := range strings.Split(query, "&") {
		if i > 0 {
			b.WriteByte('&')
		}
		name, _, named := strings.Cut(pair, "=")
		switch {
		case !named && pair != "", strings.Contains(name, ";"):
			b.WriteString(redacted)
		case named && !slices.Contains(recorded, name):
			b.WriteString(name)
			b.WriteByte('=')
			b.WriteString(redacted)
		default:
			b.WriteString(pair)
		}
	}
	return b.String()
}

// assemble makes a query string of parameters that were taken apart, in the order of their names. What has an empty value
// may have stood without a name, and be a value itself.
func assemble(parameters value, encode func(string) string, recorded []string) string {
	var b strings.Builder
	add := func(name, text string) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		switch {
		case slices.Contains(recorded, name):
			b.WriteString(encode(name) + "=" + encode(text))
		case text == "" || strings.Contains(name, ";"):
			b.WriteString(redacted)
		default:
			b.WriteString(encode(name) + "=" + redacted)
		}
	}
	for _, name := range parameters.sortedKeys(maxKeys) {
		found := parameters.get(name)
		if single := found.text(); single != "" || found.each(0, nil) == 0 {
			add(name, single)
			continue
		}
		found.each(maxKeys, func(element value) { add(name, element.text()) })
	}
	return b.String()
}
