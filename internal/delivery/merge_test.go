package delivery

import (
	"errors"
	"testing"
	"time"
)

// TestMerge asserts what a request that was sent twice tells: the deciding answer, and all that either attempt says about
// the backend and its body.
func TestMerge(t *testing.T) {
	accepted := attempt{outcome: Accepted, result: Result{Answered: true}}
	refused := attempt{outcome: Refused, result: Result{Answered: true}, err: errors.New("400")}
	busy := attempt{outcome: Retryable, result: Result{Answered: true, RetryAfter: time.Second}, err: errors.New("503")}
	hung := attempt{outcome: Retryable, err: errors.New("no answer"), keepBody: true}
	for _, c := range []struct {
		name          string
		first, second attempt
		want          Outcome
		err           error
		retryAfter    time.Duration
		keepBody      bool
	}{
		{"the first decides", refused, hung, Refused, refused.err, 0, true},
		{"the second decides", hung, accepted, Accepted, nil, 0, true},
		{"an acceptance counts if the other is refused", refused, accepted, Accepted, nil, 0, false},
		{"an acceptance stays", accepted, refused, Accepted, nil, 0, false},
		{"one answer that decides nothing", busy, hung, Retryable, busy.err, time.Second, true},
		{"the same as the second", hung, busy, Retryable, busy.err, time.Second, true},
		{"a Retry-After beside an acceptance", busy, accepted, Accepted, nil, time.Second, false},
	} {
		got := merge(c.first, c.second)
		if got.outcome != c.want || !errors.Is(got.err, c.err) || got.result.RetryAfter != c.retryAfter ||
			got.keepBody != c.keepBody || !got.result.Answered {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if got := merge(hung, hung); got.result.Answered || got.err == nil {
		t.Errorf("no answer at all: %+v", got)
	}
}
