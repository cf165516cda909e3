package trigger_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/handler/internal/event"
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

// TestCostIsLinear: an event of 1 MB is scanned a few times at most, and takes memory in proportion to its size, whatever its
// sender wrote. Anyone who may send to a queue or an HTTP endpoint can write such events.
func TestCostIsLinear(t *testing.T) {
	const size, most = 1 << 20, 6
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
	for name, text := range events {
		scanned := 0
		event.OnScan = func(n int) { scanned += n }
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		askCarriers(trigger.NewReader(nil, settings).Raw([]byte(text)))
		runtime.ReadMemStats(&after)
		event.OnScan = nil
		if scanned > most*len(text) {
			t.Errorf("%s: %d bytes scanned of an event of %d", name, scanned, len(text))
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > most*uint64(len(text)) {
			t.Errorf("%s: %d bytes allocated for an event of %d", name, allocated, len(text))
		}
	}
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

// TestManyMembers: every form of an object with too many members gives the same ones, the first by name.
func TestManyMembers(t *testing.T) {
	text := []byte(`{"httpMethod":"GET","path":"/a","requestContext":{},"headers":{` + repeat(`"h%[1]d":"v%[1]d"`, 1<<16) +
		`},"queryStringParameters":{` + repeat(`"q%[1]d":""`, 1<<16) + `}}`)
	want := dump(trigger.NewReader(nil, settings).Raw(text))
	if n := strings.Count(want, "\n  h"); n < 1000 {
		t.Errorf("%d headers", n)
	}
	for _, form := range []reflect.Type{reflect.TypeFor[map[string]any](), reflect.TypeFor[struct {
		Method  string            `json:"httpMethod"`
		Path    string            `json:"path"`
		Context struct{}          `json:"requestContext"`
		Headers map[string]string `json:"headers"`
		Query   map[string]string `json:"queryStringParameters"`
	}]()} {
		if got := dump(typedCause(t, form, text)); got != want {
			t.Errorf("%v differs", form)
		}
	}
}
