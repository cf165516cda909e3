package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

const (
	linesEvery = time.Minute // at most one line of a kind
	mostKinds  = 4           // of lines that one trouble causes: one for each signal, and one for the flush
)

// trouble is something that goes wrong with every invocation.
type trouble struct {
	name  string
	fault func(call int) fault // of the backend during a call
	env   []string
	logs  string // what one line at least has to say
	exit  string // what the last line has to say
}

func always(f fault) func(int) fault { return func(int) fault { return f } }

var troubles = []trouble{
	{name: "hangs", fault: always(hanging), logs: "agent: flush failed", exit: notDelivered},
	{name: "unavailable", fault: always(unavailable), logs: "503", exit: notDelivered},
	{
		name: "refuses for good", logs: "no tenant", exit: `"dropped_refused":`,
		fault: func(call int) fault { // the text differs each time
			return fault{Status: http.StatusBadRequest, Message: fmt.Sprintf("no tenant for %x", call)}
		},
	},
	{
		name: "rejects spans", logs: "too old", exit: `"dropped_rejected":`,
		fault: func(call int) fault {
			return fault{Rejected: int64(1 + call%3), Message: fmt.Sprintf("span %x too old", call)}
		},
	},
	{
		name: "warns", logs: "soon", exit: "graceful shutdown completed",
		fault: func(call int) fault { return fault{Message: fmt.Sprintf("quota ends soon: %x left", 1000-call)} },
	},
	{
		name: "queue full", fault: always(unavailable), env: []string{"OTEL_BSP_MAX_QUEUE_SIZE=64"},
		logs: "dropped", exit: `"dropped_queue_full":`,
	},
	{
		name: "malformed answers", fault: always(fault{Malformed: true}),
		logs: "malformed", exit: "graceful shutdown completed",
	},
}

// During an outage of 1,000 invocations, whatever its cause, a function writes one line a minute for each kind of trouble,
// and at its end how many spans were lost.
func TestLogLines(t *testing.T) {
	for _, tr := range troubles {
		t.Run(tr.name, func(t *testing.T) {
			// Not parallel to other tests: there is one error handler. The default one writes to standard error too.
			sc := scenario{Env: tr.env, Unchecked: true, Steps: steps(func(r *run) {
				otelerr.Handle(t, func(err error) { r.Log.Add(eventlog.Event{Kind: harness.KindLine, Detail: err.Error()}) })
			})}
			for i := range 1000 {
				sc.Steps = append(sc.Steps, backend(tr.fault(i)), freeze(time.Second), invoke(early(many(2))))
			}
			sc.Steps = append(sc.Steps, shutdown, tr.check)
			inMemory(t, sc)
		})
	}
}

// check looks for lines that come too often, and for those that have to be there.
func (tr trouble) check(r *run) {
	last, found, again, end := map[string]time.Time{}, false, 0, ""
	for _, e := range r.Log.Events() {
		if e.Kind != harness.KindLine || ownLine.MatchString(e.Detail) {
			continue
		}
		if strings.Contains(e.Detail, "SIGTERM received") {
			end = " "
			continue
		}
		if end != "" { // after the signal
			end += e.Detail
			continue
		}
		kind := kindOf(e.Detail)
		if at, before := last[kind]; before && e.At.Sub(at) < linesEvery {
			if again++; again <= 3 {
				r.Errorf("again after %s: %s", e.At.Sub(at), e.Detail)
			}
		}
		last[kind] = e.At
		found = found || strings.Contains(e.Detail, tr.logs)
	}
	if !found {
		r.Errorf("no line says %q", tr.logs)
	}
	if len(last) > mostKinds {
		r.Errorf("%d kinds of lines: %q", len(last), last)
	}
	line, ok := harness.ParseShutdownLine(strings.TrimSpace(end))
	if !ok || !line.AddsUp() || !strings.Contains(end, tr.exit) {
		r.Errorf("the line after the signal's does not say %q, or its counts are wrong: %s", tr.exit, end)
	}
}

var (
	ownLine = regexp.MustCompile(`^(span started|span ended|handler started|record emitted|measured) `) // of the function itself
	digits  = regexp.MustCompile(`\d+`)
)

// kindOf is a line without the parts that vary: the message of a log line, or an error up to its first colon without its
// numbers.
func kindOf(text string) string {
	var line struct {
		Message string `json:"msg"`
	}
	if json.Unmarshal([]byte(text), &line) == nil {
		return line.Message
	}
	text, _, _ = strings.Cut(text, ":")
	return digits.ReplaceAllString(text, "#")
}
