package trigger_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/handler/internal/trigger"
)

// repeat returns at least size bytes of elements with commas between them. In the format, %[1]d is the element's number.
func repeat(format string, size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestCostIsLinear asserts that an event of 1 MB takes a small multiple of the time of one scan by json.Valid, and
// memory in proportion to its size, whatever its sender wrote. Anyone who may send to a queue or an HTTP endpoint can
// write such events. Work in proportion to members × size takes hundreds of times as long.
func TestCostIsLinear(t *testing.T) {
	const size, most = 1 << 20, 8
	request := func(members string) string {
		return `{"httpMethod":"GET","path":"/a","requestContext":{},` + members + `}`
	}
	message := func(body string) string { return `{"eventSource":"aws:sqs","body":"` + body + `"}` }
	kafka := `"t-%[1]d":[{"topic":"t","headers":[{"h":[49]}]}]`
	events := map[string]string{
		"query":               request(`"multiValueQueryStringParameters":{` + repeat(`"h%[1]d":["v","w"]`, size) + `}`),
		"one long parameter":  request(`"multiValueQueryStringParameters":{"a":[` + repeat(`"v%[1]d"`, size) + `]}`),
		"headers":             request(`"headers":{` + repeat(`"h%[1]d":"v"`, size) + `},"multiValueHeaders":{` + repeat(`"i%[1]d":["v"]`, size) + `}`),
		"nested lists":        strings.Repeat("[", size),
		"nested members":      request(`"headers":` + strings.Repeat(`{"a":`, size/5) + strings.Repeat("}", size/5)),
		"strings without end": `{"Records":[` + strings.Repeat(`{"body":"`, size/9),
		"members":             `{` + repeat(`"m%[1]d":{}`, size) + `}`,
		"detail":              `{"detail-type":"t","source":"s","detail":{` + repeat(`"m%[1]d":"v"`, size) + `}}`,
		"notifications":       `{"Records":[` + repeat(message(`{\"Type\":\"Notification\",\"TopicArn\":\"%[1]d\",\"MessageAttributes\":{\"a\":{}}}`), size) + `]}`,
		"cut notifications":   `{"Records":[` + repeat(message(`{\"Type\":{`), 100*40) + `,` + message(strings.Repeat("-", size)) + `]}`,
		"a long notification": `{"Records":[` + message(`{\"Type\":\"Notification\",\"TopicArn\":\"t\",\"Message\":\"`+strings.Repeat(`\\\"detail-type`, size/14)+`\"}`) + `]}`,
		"backslashes":         `{"Records":[` + message(`TopicArn`+strings.Repeat(`\\`, size/2)) + `]}`,
		"partitions":          `{"eventSource":"aws:kafka","records":{` + repeat(kafka, size) + `}}`,
	}
	members := []byte(events["members"])
	scan := quickest(func() { json.Valid(members) })
	for name, text := range events {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		askCarriers(trigger.NewReader(nil, settings).Raw([]byte(text)))
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > most*uint64(len(text)) {
			t.Errorf("%s: %d bytes allocated for an event of %d", name, allocated, len(text))
		}
		if read := quickest(func() { askCarriers(trigger.NewReader(nil, settings).Raw([]byte(text))) }); read > 40*scan {
			t.Errorf("%s: %v, and json.Valid takes %v for an event of this size", name, read, scan)
		}
	}
}

// quickest returns the time of the quickest of three runs.
func quickest(f func()) time.Duration {
	best := time.Hour
	for range 3 {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
	}
	return best
}

// askCarriers asks for every key, as some propagators do.
func askCarriers(c trigger.Cause) {
	for _, o := range append(c.Messages, c.Caller) {
		if o.Carrier == nil {
			continue
		}
		for _, key := range o.Carrier.Keys() {
			o.Carrier.Get(key)
		}
		o.Carrier.Get("traceparent")
	}
}
