package trigger

import (
	"net/url"
	"slices"
	"strings"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// redacted replaces a value that is not recorded (OpenTelemetry conventions, url.query).
const redacted = "REDACTED"

// queryText returns the query with the values that the program asked for. All others are redacted: the conventions list
// some keys to redact, and no list knows a program's own.
func (r *request) queryText(recorded []string) string {
	query := r.query
	if query == "" {
		query = r.assemble()
	}
	parts := strings.SplitN(query, "&", maxMembers+1)
	parts = parts[:min(len(parts), maxMembers)]
	for i, part := range parts {
		parts[i] = redact(part, recorded)
	}
	return strings.Join(parts, "&")
}

// redact replaces the value in a part of a query. A part without a name may be a value. So may a part before a
// semicolon, which some parsers take for an ampersand.
func redact(part string, recorded []string) string {
	name, _, named := strings.Cut(part, "=")
	plain, err := url.QueryUnescape(name)
	switch {
	case part == "", slices.Contains(recorded, plain):
		return part
	case !named, err != nil, strings.Contains(plain, ";"):
		return redacted
	}
	return name + "=" + redacted
}

// assemble makes a query of parameters, in the order of their names. One with an empty value may have been sent without
// a name.
func (r *request) assemble() string {
	var b strings.Builder
	add := func(name string, value event.Value) {
		text := value.Text()
		if !r.encoded {
			name, text = url.QueryEscape(name), url.QueryEscape(text)
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name)
		if text != "" {
			b.WriteString("=" + text)
		}
	}
	for _, p := range r.parameters.Members(maxMembers) {
		if p.Value.Each(maxMembers, func(element event.Value) { add(p.Name, element) }) == 0 {
			add(p.Name, p.Value)
		}
	}
	return b.String()
}
