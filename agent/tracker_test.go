package agent_test

import (
	"context"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// TestEndOpenSpansIsForOneInvocation asserts that the agent ends only the spans of the invocation. In particular it does
// not pass nil roots, which mean every open span, for an invocation without a root.
func TestEndOpenSpansIsForOneInvocation(t *testing.T) {
	t.Setenv("AWS_LAMBDA_RUNTIME_API", "")
	var log eventlog.Log
	ag := agent.Start(context.Background(), &fakeFlusher{log: &log})
	ag.Begin("a", time.Time{}, [8]byte{'a'})
	ag.Begin("b", time.Time{}, [8]byte{'b'})
	ag.Begin("rootless", time.Time{}, [8]byte{})

	if n := ag.EndOpenSpans("b", "panic"); n != 1 {
		t.Errorf("EndOpenSpans of b ended %d spans, want 1", n)
	}
	for _, id := range []string{"rootless", "unknown", ""} {
		if n := ag.EndOpenSpans(id, "panic"); n != 0 {
			t.Errorf("EndOpenSpans of %q ended %d spans, want none", id, n)
		}
	}
	if n := (*agent.Agent)(nil).EndOpenSpans("b", "panic"); n != 0 {
		t.Errorf("a nil agent ended %d spans", n)
	}
	var ended []string
	for _, e := range log.Events() {
		if e.Kind == openEnded {
			ended = append(ended, e.Who+": "+e.Detail)
		}
	}
	if len(ended) != 1 || ended[0] != "b: panic" {
		t.Errorf("ended %q, want b's spans alone", ended)
	}
}
