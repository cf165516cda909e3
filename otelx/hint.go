package otelx

import "fmt"

// userHint is reported once: the backend refuses spans for a reason that the user can change.
type userHint struct {
	key string // identifies it
	err error
}

// maxHints bounds the hints of an SDK. A hint that holds an ID is a new one each time.
const maxHints = 32

// note keeps a hint for reportHints, unless it was reported before. l.mu is held.
func (l *loop) note(a *userHint) {
	if a == nil || l.given[a.key] || len(l.given) == maxHints {
		return
	}
	if l.given == nil {
		l.given = map[string]bool{}
	}
	l.given[a.key] = true
	l.news = append(l.news, a.err)
}

// reportHints reports the hints to otel.Handle, because logs of flush errors may skip errors that occur often. No lock may be
// held, and the calling goroutine must not belong to a run: an error handler that flushes would wait for it.
func (l *loop) reportHints() {
	l.mu.Lock()
	news := l.news
	l.news = nil
	l.mu.Unlock()
	for _, err := range news {
		l.report.handler.handle(fmt.Errorf("export spans: %w", err))
	}
}
