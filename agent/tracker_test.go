package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/agent"
)

// TestEndOpenSpansIsForOneInvocation asserts that the agent ends only the spans of the invocation. In particular it does
// not pass nil roots, which mean every open span, for an invocation without a root.
func TestEndOpenSpansIsForOneInvocation(t *testing.T) {
	w := standalone(t)
	ag := w.start(t.Context(), nowhere(t))
	ag.Begin("a", time.Time{}, [8]byte{'a'})
	ag.Begin("b", time.Time{}, [8]byte{'b'})
	ag.Begin("rootless", time.Time{}, [8]byte{})
	for id, want := range map[string]int{"b": 1, "rootless": 0, "unknown": 0, "": 0} {
		if n := ag.EndOpenSpans(id, "panic"); n != want {
			t.Errorf("EndOpenSpans of %q ended %d spans, want %d", id, n, want)
		}
	}
	if n := (*agent.Agent)(nil).EndOpenSpans("b", "panic"); n != 0 {
		t.Errorf("a nil agent ended %d spans", n)
	}
	if ended := strings.Join(w.reasons(), ", "); ended != "b panic" {
		t.Errorf("ended %q, want b's spans alone", ended)
	}
}
