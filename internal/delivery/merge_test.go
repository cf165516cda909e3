package delivery

import (
	"errors"
	"testing"
	"time"
)

// TestMerge asserts the result of a request that was sent twice: the deciding answer, and all that either attempt says about
// the backend and its body.
func TestMerge(t *testing.T) {
	begun := time.Now()
	accepted := attempt{Result: Result{Answered: true}, begun: begun}
	refused := attempt{Result: Result{Outcome: Refused, Answered: true}, err: errors.New("400"), begun: begun}
	busy := attempt{Result: Result{Outcome: Retryable, Answered: true, RetryAfter: time.Second}, err: errors.New("503"), begun: begun}
	hung := attempt{Result: Result{Outcome: Retryable}, err: errors.New("no answer"), begun: begun, notReturned: true}
	for _, c := range []struct {
		name          string
		first, second attempt
		want          Outcome
		err           error
		retryAfter    time.Duration
		notReturned   bool
	}{
		{"the first decides", refused, hung, Refused, refused.err, 0, true},
		{"the second decides", hung, accepted, Accepted, nil, 0, true},
		{"an acceptance counts if the other is refused", refused, accepted, Accepted, nil, 0, false},
		{"an acceptance stays", accepted, refused, Accepted, nil, 0, false},
		{"one answer that decides nothing", busy, hung, Retryable, busy.err, time.Second, true},
		{"the same as the second", hung, busy, Retryable, busy.err, time.Second, true},
		{"a Retry-After and an acceptance", busy, accepted, Accepted, nil, time.Second, false},
	} {
		got := merge(c.first, c.second)
		if got.Outcome != c.want || !errors.Is(got.err, c.err) || got.RetryAfter != c.retryAfter ||
			got.notReturned != c.notReturned || !got.Answered {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if got := merge(hung, hung); got.Answered || got.err == nil {
		t.Errorf("no answer at all: %+v", got)
	}
}
