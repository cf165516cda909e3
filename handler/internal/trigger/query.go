package trigger

import (
	"net/url"
	"slices"
	"strings"

	"github.com/epilogue-go/epilogue/handler/internal/event"
)

// redacted replaces a value that is not recorded (OpenTelemetry conventions, url.query).
const redacted = "REDACTED"

// queryText returns the query with the values that the program asked for. All others are redacted: the conventions list some
// keys to redact, and no list knows a program's own.
func (r *request) queryText(recorded []string) string {
	if r.query != "" {
		return redact(r.query, recorded)
	}
	return assemble(r.parameters, r.encoded, recorded)
}

// redact replaces the values in a query. A part without a name may be a value. So may a part before a semicolon, which some
// parsers take for an ampersand.
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

// assemble makes a query of parameters, in the order of their names.
func assemble(parameters event.Value, encoded bool, recorded []string) string {
	var b strings.Builder
	for _, p := range parameters.Members(maxMembers) {
		if p.Value.IsList() && !p.Value.Empty() {
			p.Value.Each(maxMembers, func(element event.Value) { addParameter(&b, p.Name, element.Text(), encoded, recorded) })
		} else {
			addParameter(&b, p.Name, p.Value.Text(), encoded, recorded)
		}
	}
	return b.String()
}

// addParameter adds a parameter. One with an empty value may have been sent without a name, and be a value itself.
func addParameter(b *strings.Builder, name, text string, encoded bool, recorded []string) {
	if b.Len() > 0 {
		b.WriteByte('&')
	}
	isRecorded := slices.Contains(recorded, name)
	if !isRecorded && (text == "" || strings.Contains(name, ";")) {
		b.WriteString(redacted)
		return
	}
	if !encoded {
		name, text = url.QueryEscape(name), url.QueryEscape(text)
	}
	if !isRecorded {
		text = redacted
	}
	b.WriteString(name + "=" + text)
}
