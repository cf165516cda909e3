package otelx

import (
	"context"
	"sync"
	"testing"
	"time"
)

// slowPanic is what a program panics with whose text takes until release is closed.
type slowPanic struct{ asked, release chan struct{} }

func (p slowPanic) Error() string {
	close(p.asked)
	<-p.release
	return "slow"
}

// While the SDK holds a span's lock, since what has been panicked with does not come to an end, to ask that span whether
// it has ended takes for ever. That held up every flush, the last one too, and whoever started the span that was one too
// many.
func TestASpanThatCanNotBeAskedHoldsNobody(t *testing.T) {
	const bound = 200
	x := &fakeExporter{}
	s := start(x, sized{bound: bound})
	s.SetBackgroundExport(false)
	q := s.processor.queue
	ctx := within(t, 20*time.Second)
	stuck := slowPanic{make(chan struct{}), make(chan struct{})}
	release := sync.OnceFunc(func() { close(stuck.release) })
	context.AfterFunc(ctx, release)
	var handler sync.WaitGroup
	handler.Go(func() {
		defer func() { _ = recover() }()
		_, span := s.TracerProvider().Tracer("test").Start(t.Context(), "stuck")
		defer span.End()
		panic(stuck)
	})
	<-stuck.asked
	end(s, "before")
	if err := s.ForceFlush(ctx); err != nil {
		t.Error(err)
	}
	wantCalls(t, x, "before")
	for range 10 * bound {
		end(s, "after")
		if n := q.held(); n > bound/2+1 {
			t.Fatalf("%d spans are kept beside the one that can not be asked", n)
		}
	}
	if ctx.Err() != nil {
		t.Error("nothing has gone on before the span did")
	}
	release()
	handler.Wait()
	_ = s.ForceFlush(t.Context()) // which may have drops to report
	if n := len(q.openSpans()); n != 0 {
		t.Errorf("%d spans are open, want none", n)
	}
}
