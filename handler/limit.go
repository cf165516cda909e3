package handler

import (
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// The most bytes of a recorded text. A longer one makes a span too large for its destination: 64 KB for the X-Ray
// daemon, 200 KB for X-Ray's OTLP endpoint.
const (
	maxMessage = 4 << 10
	maxStack   = 16 << 10
)

// textLimit is the program's limit of an attribute's value, in characters (OpenTelemetry specification, "Attribute
// Limits"). The SDK applies it to attributes of spans, not to those of events and the status.
type textLimit int

func textLimitOf(env *otelenv.Reader) textLimit {
	const none = -1
	limit := env.Int(none, otelenv.MaxInt, none, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")
	if limit == none {
		return math.MaxInt
	}
	return textLimit(limit)
}

// cut returns text with at most that many bytes and with no more characters than the limit. If it is cut, a mark at the
// end gives the bytes of the whole text, unless the limit is too small for the mark.
func (l textLimit) cut(text string, most int) string {
	characters := int(l)
	if clip(text, most, characters) == text {
		return text
	}
	mark := fmt.Sprintf("… (cut, %d bytes)", len(text))
	if characters < 2*len(mark) {
		return clip(text, most, characters) // as the SDK does
	}
	return clip(text, most-len(mark), characters-utf8.RuneCountInString(mark)) + mark
}

// clip returns the beginning of text, without a part of a character.
func clip(text string, bytes, characters int) string {
	for i, r := range text {
		if characters--; characters < 0 || i+utf8.RuneLen(r) > bytes {
			return text[:i]
		}
	}
	return text
}
