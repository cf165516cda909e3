package handler_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/go-cmp/cmp"
)

// payloads are what every shape is invoked with, with every set of options.
var payloads = []string{
	``,
	`{`,
	`null`,
	`"<text>"`,
	`9007199254740993`,
	`{"id":9007199254740993,"note":"<a&b>","any":9007199254740993}`,
	`{"id":1,"note":"refuse"}`,
	`{"id":"wrong","note":1}`,
	`{"id":1,"unknown":true} trailing`,
	`[1,2.50,{"a":1e3}]`,
	functionURLEvent,
	`{"note":"` + strings.Repeat("large ", 10_000) + `"}`,
}

const functionURLEvent = `{"rawPath":"/orders","requestContext":{"domainName":"example.com",` +
	`"http":{"method":"POST","path":"/orders"}},` +
	`"headers":{"traceparent":"00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"}}`

// TestEquality asserts that the Runtime API receives the same without Wrap, with it and with WithRawEvent, for every
// shape, payload and set of aws-lambda-go's options, with real aws-lambda-go in a process of its own.
func TestEquality(t *testing.T) {
	var jobs []job
	for _, shape := range slices.Sorted(maps.Keys(shapes)) {
		if endsProcess(shape) { // which takes as many processes
			jobs = append(jobs, job{shape, "none", []string{`{"id":1}`, `null`, `{`, functionURLEvent}})
			continue
		}
		for _, options := range slices.Sorted(maps.Keys(optionSets)) {
			jobs = append(jobs, job{shape, options, payloads})
		}
	}
	got := map[wrapping][][]outcome{}
	t.Run("run", func(t *testing.T) {
		var mu sync.Mutex
		for _, how := range []wrapping{bare, wrapped, wrappedRaw} {
			t.Run(string(how), func(t *testing.T) {
				t.Parallel()
				outcomes := run(t, jobs, how)
				mu.Lock()
				defer mu.Unlock()
				got[how] = outcomes
			})
		}
	})
	if t.Failed() {
		return
	}
	for i, j := range jobs {
		for _, how := range []wrapping{wrapped, wrappedRaw} {
			for k, payload := range j.payloads {
				compareOutcomes(t, j, payload, got[bare][i][k], got[how][i][k])
			}
		}
	}
}

// endsProcess reports whether a shape ends the process after some invocations.
func endsProcess(shape string) bool {
	return panicShapes[shape] != nil || strings.Contains(shape, "panic") || shape == "lambdaurl" ||
		shape == "nil error pointer" || shape == "nil function" || shape == "func(...TIn)"
}

func compareOutcomes(t *testing.T, j job, payload string, bare, wrapped outcome) {
	t.Helper()
	bare.Body, wrapped.Body = onlyUserFrames(bare.Body), onlyUserFrames(wrapped.Body)
	bare.XRayCause, wrapped.XRayCause = onlyUserCause(bare.XRayCause), onlyUserCause(wrapped.XRayCause)
	if diff := cmp.Diff(bare, wrapped); diff != "" {
		t.Errorf("%s, %s, payload %.60q: the Runtime API receives something else (-bare +wrapped):\n%.4000s",
			j.shape, j.options, payload, diff)
	}
}

// onlyUserFrames leaves of a panic's stack trace the frames of the user's code.
func onlyUserFrames(body string) string {
	var e messages.InvokeResponse_Error
	if json.Unmarshal([]byte(body), &e) != nil || len(e.StackTrace) == 0 {
		return body
	}
	e.StackTrace = userFrames(e.StackTrace)
	out, _ := json.Marshal(e)
	return string(out)
}

// onlyUserCause does the same for the header in which the trace is repeated for X-Ray.
func onlyUserCause(header string) string {
	var cause struct {
		WorkingDirectory string `json:"working_directory"`
		Exceptions       []struct {
			Type, Message string
			Stack         []*messages.InvokeResponse_Error_StackFrame
		}
	}
	if json.Unmarshal([]byte(header), &cause) != nil {
		return header
	}
	for i := range cause.Exceptions {
		cause.Exceptions[i].Stack = userFrames(cause.Exceptions[i].Stack)
	}
	out, _ := json.Marshal(cause)
	return string(out)
}

func userFrames(frames []*messages.InvokeResponse_Error_StackFrame) []*messages.InvokeResponse_Error_StackFrame {
	return slices.DeleteFunc(frames, func(f *messages.InvokeResponse_Error_StackFrame) bool {
		return !strings.HasSuffix(f.Path, "equality_shapes_test.go")
	})
}
