package local

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// TestJudge: whatever does not go as planned is a problem, and what does is none.
func TestJudge(t *testing.T) {
	failed := lambdatest.Response{FunctionError: "Unhandled", ErrorType: "T", ErrorMessage: "first\nsecond"}
	for _, c := range []struct {
		name     string
		answer   answer
		happened report.Invocation
		want     []string
	}{
		{"as planned", answer{Call: Call{Answers: "201"}}, report.Invocation{Kind: "cold", Answer: "201"}, nil},
		{"a planned panic", answer{Call: Call{Planned: "panic"}, resp: failed}, report.Invocation{Kind: "panic", Failed: true, Early: true}, nil},
		{"a failure", answer{resp: failed}, report.Invocation{Kind: "error", Failed: true}, []string{"invocation 3 failed: T: first"}},
		{
			"no timeout",
			answer{Call: Call{Planned: "timeout"}},
			report.Invocation{Kind: "warm"},
			[]string{"invocation 3 was to end as a timeout, and ended as: warm"},
		},
		{
			"another answer",
			answer{Call: Call{Answers: "201"}},
			report.Invocation{Kind: "warm", Answer: "502"},
			[]string{"invocation 3 was to be answered with 201, and was with 502"},
		},
		{
			"early spans",
			answer{Call: Call{Answers: "201"}},
			report.Invocation{Kind: "warm", Answer: "201", Early: true},
			[]string{"spans of invocation 3 left before its response"},
		},
		{"early spans of an unknown function", answer{}, report.Invocation{Kind: "warm", Early: true}, nil},
	} {
		var s Lambda
		c.happened.Number = 3
		s.judge(c.answer, c.happened)
		s.judge(c.answer, c.happened) // the same again is said once
		if diff := cmp.Diff(c.want, s.problems); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, diff)
		}
	}
}

func TestRemarks(t *testing.T) {
	failed := lambdatest.Response{FunctionError: "Unhandled", ErrorType: "T", ErrorMessage: "first\nsecond"}
	for _, c := range []struct {
		answer   answer
		happened report.Invocation
		exited   bool
		want     string
	}{
		{answer{}, report.Invocation{Kind: "warm"}, false, ""},
		{answer{Call: Call{Note: "n"}}, report.Invocation{Refusals: 1}, false, "n|the receiver refused 1 request; the telemetry stays in the function for the next flush"},
		{answer{}, report.Invocation{Refusals: 2}, true, "the receiver refused 2 requests"},
		{answer{resp: failed}, report.Invocation{Failed: true}, false, "T: first"},
		{answer{}, report.Invocation{Early: true, Posted: time.Millisecond}, false, "spans left before the response had been posted"},
		{answer{}, report.Invocation{Early: true}, false, ""}, // nothing was posted at all
	} {
		got := strings.Join(remarks(c.answer, c.happened, lambdatest.InvocationReport{Exited: c.exited}), "|")
		if got != c.want {
			t.Errorf("%+v: got %q, want %q", c.happened, got, c.want)
		}
	}
}
