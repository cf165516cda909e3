package delivery

import (
	"fmt"
	"time"
)

// record acknowledges the items of b that an attempt decides about, and enters the attempt into the flush, the breaker and
// the hold. It returns the policy of the flush. The error says why the batch may not be sent again in this flush, or why the
// flush does not go on after a failure of a custom exporter.
func (s *stream) record(f *flush, b *batch, a attempt) (*policy, error) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	exhausted := s.items.sent(b, a.end, f.number, a.AnswersLost, a.Outcome == Accepted)
	if a.divided {
		s.requestBytes = min(s.requestBytes, a.size/2)
		if a.items == 1 {
			s.itemBytes = min(s.itemBytes, a.size/2)
		}
	} else {
		s.items.ack(b, a.end, a.Outcome, a.Rejected)
	}
	s.items.discardFrom(b, s.items.superseded, &s.items.counts.Superseded)
	f.noteLocked(a, s.config.Items)
	s.recordAnswerLocked(f, a)
	if s.export != nil && !a.permanent() {
		return f.policy, s.failedLocked(f, b, a)
	}
	if exhausted {
		return f.policy, errAnswersLost
	}
	return f.policy, nil
}

// recordAnswerLocked records what an attempt tells about the backend.
func (s *stream) recordAnswerLocked(f *flush, a attempt) {
	now := time.Now()
	if a.unsent || s.export != nil && !a.permanent() && a.took < instantFailure {
		return
	}
	if f.firstRequest.IsZero() || a.begun.Before(f.firstRequest) {
		f.firstRequest = a.begun
	}
	if a.permanent() {
		f.decided, f.lastProgress, s.lastResponse = true, now, now
		s.engine.answeredLocked(s, min(a.took, s.budgetLocked(f))) // the process may have been frozen meanwhile
		s.proceedLocked(f)
		return
	}
	if a.Answered {
		f.responded, s.lastResponse = true, now
	}
	f.cutShort = f.cutShort && a.late
	if d := min(a.RetryAfter, retryAfterLimit); d > 0 && now.Add(d).After(s.retryAfter.until) {
		s.retryAfter = retryAfter{asked: d, until: now.Add(d), cause: a.err}
	}
}

// noteLocked keeps the texts of an attempt.
func (f *flush) noteLocked(a attempt, items string) {
	if f.hint == nil {
		f.hintKey, f.hint = a.hint()
	}
	switch {
	case a.divided:
	case !a.permanent():
		if a.err != nil {
			f.err = a.err
		}
	case a.Outcome == Accepted:
		if err := a.partialSuccess(items); err != nil {
			f.partialSuccess = err
			if a.Rejected > 0 {
				f.dropReason = err
			}
		}
	default:
		f.dropReason = a.err
	}
}

// hint returns the encoder's hint or the sender's.
func (a attempt) hint() (key string, err error) {
	switch {
	case a.encoderHint != nil && a.permanent():
		return a.encoderHintKey, a.encoderHint
	case a.Hint != "":
		return a.HintKey, fmt.Errorf("%w; %s", a.err, a.Hint)
	}
	return "", nil
}

// partialSuccess returns the backend's message about an accepted request; nil if there is none.
func (a attempt) partialSuccess(items string) error {
	switch {
	case a.Rejected > 0:
		return fmt.Errorf("the backend rejected %d of %d %s: %q", min(a.Rejected, int64(a.items)), a.items, items, a.Message)
	case a.Message != "":
		return fmt.Errorf("the backend accepted %d %s with a message: %q", a.items, items, a.Message)
	}
	return nil
}
