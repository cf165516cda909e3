package otelx

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// shutdown flushes what is left and closes the exporter, once, when the last of the callers that came before that has
// its flush behind it. Each caller waits under its own context.
func (l *loop) shutdown(ctx context.Context) error {
	l.queue.close()
	l.mu.Lock()
	l.interval = false
	l.disarm()
	l.stopping++
	l.notBefore, l.final = time.Time{}, true // there is no later
	if l.run != nil {
		deadline, _ := ctx.Deadline()
		l.run.makeFinal(deadline)
	}
	l.mu.Unlock()
	err := l.flush(ctx)
	l.mu.Lock()
	l.stopping--
	if l.stopping == 0 && !l.closing {
		l.closing = true
		go l.closeExporter(ctx, l.run)
	}
	l.mu.Unlock()
	select {
	case <-l.stopped:
		return errors.Join(err, l.closeErr)
	default:
	}
	select {
	case <-l.stopped:
		return errors.Join(err, l.closeErr)
	case <-ctx.Done():
		if errors.Is(err, ctx.Err()) {
			return err
		}
		return errors.Join(err, fmt.Errorf("close exporter: %w", ctx.Err()))
	}
}

// closeExporter closes the exporter after the run that is still under way.
func (l *loop) closeExporter(ctx context.Context, last *run) {
	defer close(l.stopped) // also where the exporter ends this goroutine
	if last != nil {
		<-last.done
	}
	if err := closeSafely(ctx, l.exporter); err != nil {
		l.closeErr = fmt.Errorf("close exporter: %w", err)
	}
}

func closeSafely(ctx context.Context, x exporter) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("exporter panicked: %v", p)
		}
	}()
	return x.close(ctx)
}
