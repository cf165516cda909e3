package otelx

import "fmt"

// advice is what the user has to know, once: that the backend refuses spans for a reason that they can change.
type advice struct {
	key string // tells it from others
	err error
}

// maxAdvice is how many pieces are given in the life of an SDK: one that has an id in its words is another each time.
const maxAdvice = 32

// note keeps a as news, if it has not been given before. l.mu is held.
func (l *loop) note(a *advice) {
	if a == nil || l.given[a.key] || len(l.given) == maxAdvice {
		return
	}
	if l.given == nil {
		l.given = map[string]bool{}
	}
	l.given[a.key] = true
	l.news = append(l.news, a.err)
}

// advise reports the news, however the callers of flushes take what they are told: their logs may pass over an error
// that comes often. No lock may be held, and no run of the calling goroutine be under way: an error handler that flushes
// would wait for it.
func (l *loop) advise() {
	l.mu.Lock()
	news := l.news
	l.news = nil
	l.mu.Unlock()
	for _, err := range news {
		l.report.handler.handle(fmt.Errorf("export spans: %w", err))
	}
}
