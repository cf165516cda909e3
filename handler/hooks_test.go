package handler_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/otel/codes"

	"github.com/epilogue-go/epilogue/handler"
)

// errFlush is what every Flush of the journal returns: nothing depends on it.
var errFlush = errors.New("flush failed")

type readerFunc = func(context.Context) (io.Reader, error)

// drive runs an instrumented function as aws-lambda-go does: call, post, close, cancel. It notes in the journal when
// the function has returned and when the post is over, reads of the response at most limit bytes (negative: to its
// end), and waits before it closes.
func drive(t *testing.T, j *journal, fn any, limit int64, wait time.Duration) {
	t.Helper()
	ctx, cancel := invocationContext(t)
	defer cancel()
	out, err := fn.(readerFunc)(ctx)
	j.add("returned")
	if err != nil {
		j.add("posted")
		return
	}
	if limit >= 0 {
		_, _ = io.CopyN(io.Discard, out, limit)
	} else {
		_, _ = io.Copy(io.Discard, out)
	}
	time.Sleep(wait)
	j.add("posted")
	_ = out.(io.Closer).Close()
}

func result(value any, err error) any {
	return func() (any, error) { return value, err }
}

// TestHooksOfFunctions: who is told what, and when, for functions.
func TestHooksOfFunctions(t *testing.T) {
	const late = 4 * time.Second // past the deadline of invocationContext
	large := strings.Repeat("x", acceptedSize)
	tests := []struct {
		name       string
		fn         any
		endFlushes bool // End flushes
		limit      int64
		wait       time.Duration
		want       string // after the begin
	}{
		{"result", result(1, nil), false, -1, 0, "span ended, returned, posted, end r1"},
		{"result, End flushes", result(1, nil), true, -1, 0, "span ended, returned, posted, end r1"},
		{"result not read to its end", result("long", nil), false, 2, 0, "span ended, returned, posted, exit flush r1, end r1"},
		{"result not read to its end, End flushes", result("long", nil), true, 2, 0, "span ended, returned, posted, exit flush r1, end r1"},
		{"result of 6 MB", result(large[2:], nil), false, -1, 0, "span ended, returned, posted, end r1"},
		{"result above 6 MB", result(large[1:], nil), false, -1, 0, "span ended, returned, posted, exit flush r1, end r1"},
		{"result after the deadline", result(1, nil), false, -1, late, "span ended, returned, posted, flush r1, end r1"},
		{"stream", result(strings.NewReader("x"), nil), false, -1, 0, "returned, span ended, posted, end r1"},
		{"stream not read to its end", result(strings.NewReader("long"), nil), false, 2, 0, "returned, posted, span ended, exit flush r1, end r1"},
		{"stream above 6 MB", result(strings.NewReader(large+"x"), nil), false, -1, 0, "returned, span ended, posted, flush r1, end r1"},
		{"stream that fails", result(failing("half", errFlush), nil), false, -1, 0, "returned, span ended, posted, end r1"},
		{"error", result(nil, errFlush), false, -1, 0, "span ended, returned, posted, end r1"},
		{"error, End flushes", result(nil, errFlush), true, -1, 0, "span ended, flush r1, returned, posted, end r1"},
		{"error whose message panics", func() *ownError { return nil }, false, -1, 0, "span ended, exit flush r1, returned, posted, end r1"},
		{"error after the deadline", func() error { time.Sleep(late); return errFlush }, false, -1, 0, "span ended, flush r1, end r1, returned, posted"},
		{"result that does not encode", result(make(chan int), nil), true, -1, 0, "span ended, flush r1, returned, posted, end r1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				drive(t, j, handler.Wrap(tt.fn, j.options(!tt.endFlushes)...), tt.limit, tt.wait)
				synctest.Wait() // the hook on the context's cancellation has run
				j.want(t, append([]string{"attach", "begin r1"}, strings.Split(tt.want, ", ")...)...)
			})
		})
	}
}

// TestHooksOfHandlers: the same for lambda.Handlers, without Close.
func TestHooksOfHandlers(t *testing.T) {
	tests := []struct {
		name       string
		out        []byte
		err        error
		endFlushes bool
		want       string // after the begin
	}{
		{"bytes", []byte("x"), nil, false, "span ended, returned, posted, end r1"},
		{"bytes, End flushes", []byte("x"), nil, true, "span ended, flush r1, returned, posted, end r1"},
		{"bytes above 6 MB", make([]byte, acceptedSize+1), nil, false, "span ended, exit flush r1, returned, posted, end r1"},
		{"error", nil, errFlush, false, "span ended, returned, posted, end r1"},
		{"error, End flushes", nil, errFlush, true, "span ended, flush r1, returned, posted, end r1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				user := bytesHandler(func(context.Context, []byte) ([]byte, error) { return tt.out, tt.err })
				h, ok := handler.Wrap(user, j.options(!tt.endFlushes)...).(lambda.Handler)
				if !ok {
					t.Fatal("the wrapped lambda.Handler is none")
				}
				ctx, cancel := invocationContext(t)
				out, err := h.Invoke(ctx, []byte("payload"))
				j.add("returned")
				if len(out) != len(tt.out) || !errors.Is(err, tt.err) {
					t.Errorf("got %d bytes and %v, want %d and %v", len(out), err, len(tt.out), tt.err)
				}
				j.add("posted")
				cancel()
				synctest.Wait()
				j.want(t, append([]string{"attach", "begin r1"}, strings.Split(tt.want, ", ")...)...)
			})
		})
	}
}

// TestPanic: a panic is recorded and flushed, then goes on with its value; the end comes when its report is posted.
func TestPanic(t *testing.T) {
	value := &ownError{1}
	user := map[string]any{
		"function": func() { panic(value) },
		"result":   func() (any, error) { return panickingJSON{}, nil },
		"handler":  bytesHandler(func(context.Context, []byte) ([]byte, error) { panic(value) }),
	}
	for name, fn := range user {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				wrapped := handler.Wrap(fn, j.options(true)...)
				ctx, cancel := invocationContext(t)
				func() {
					defer func() {
						if v := recover(); v != any(value) && v != "in MarshalJSON" {
							t.Errorf("the panic goes on with %v, want %v", v, value)
						}
					}()
					if h, ok := wrapped.(lambda.Handler); ok {
						_, _ = h.Invoke(ctx, nil)
					} else {
						_, _ = wrapped.(readerFunc)(ctx)
					}
				}()
				j.add("posted")
				cancel()
				synctest.Wait()
				reason := map[string]string{"result": "in MarshalJSON"}[name]
				j.want(t, "attach", "begin r1", "end open spans of r1: "+cmp.Or(reason, value.Error()), "span ended", "exit flush r1",
					"posted", "end r1")
			})
		})
	}
}

// TestOpenSpansOfAPanicAreEnded: a panic passes by the End of every span whose End was not deferred. Without the tracker's
// help these never arrived, and those below them were orphans.
func TestOpenSpansOfAPanicAreEnded(t *testing.T) {
	j := newJournal()
	fn := handler.Wrap(func() { panic("the box fell off the table") },
		handler.WithTracker(j), handler.WithTracerProvider(j.provider())).(readerFunc)
	ctx, cancel := invocationContext(t)
	defer cancel()
	func() {
		defer func() { _ = recover() }()
		_, _ = fn(ctx)
	}()
	j.want(t, "attach", "begin r1", "end open spans of r1: the box fell off the table", "span ended", "exit flush r1")
}

// TestGoexit: the goroutine ends, nothing will be posted.
func TestGoexit(t *testing.T) {
	j := newJournal()
	fn := handler.Wrap(func() { runtime.Goexit() }, j.options(true)...).(readerFunc)
	ctx, cancel := invocationContext(t)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = fn(ctx)
	}()
	<-done
	j.want(t, "attach", "begin r1", "end open spans of r1: the handler called runtime.Goexit", "span ended", "flush r1", "end r1")
	if s := j.span(t).Status(); s.Code != codes.Error || !strings.Contains(s.Description, "Goexit") {
		t.Errorf("status %v, want an error that names Goexit", s)
	}
}

// TestDeadlineWhilePosting: the deadline passes between an error's return and the end of its post; the cancellation
// that would tell of it never comes.
func TestDeadlineWhilePosting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		ctx, cancel := invocationContext(t)
		defer cancel()
		_, _ = handler.Wrap(result(nil, errFlush), j.options(true)...).(readerFunc)(ctx)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		j.want(t, "attach", "begin r1", "span ended", "end r1")
	})
}

// halfTyped is an error whose ErrorType panics, and whose message is as it should be.
type halfTyped struct{}

func (halfTyped) Error() string     { return "as usual" }
func (halfTyped) ErrorType() string { panic("no type") }

// stuckBody is a response whose Close panics.
type stuckBody struct{ r io.Reader }

func (b stuckBody) Read(p []byte) (int, error) { return b.r.Read(p) }
func (stuckBody) Close() error                 { panic("no close") }

// TestFlushBeforeExit asserts that the tracker is told of an exit if aws-lambda-go exits, and only then.
func TestFlushBeforeExit(t *testing.T) {
	const late = 4 * time.Second // past the deadline of invocationContext
	large := strings.Repeat("x", acceptedSize+1)
	for _, tt := range []struct {
		name  string
		fn    any
		limit int64
		wait  time.Duration
		ends  bool
	}{
		{"result", result(1, nil), -1, 0, false},
		{"result not read to its end", result("long", nil), 2, 0, true},
		{"result above 6 MB", result(large, nil), -1, 0, true},
		{"result after the deadline", result(1, nil), -1, late, false},
		{"stream", result(strings.NewReader("x"), nil), -1, 0, false},
		{"stream not read to its end", result(strings.NewReader("long"), nil), 2, 0, true},
		{"stream above 6 MB", result(strings.NewReader(large), nil), -1, 0, false},
		{"stream that fails", result(failing("half", errFlush), nil), -1, 0, false},
		{"stream whose Close panics", result(stuckBody{strings.NewReader("x")}, nil), -1, 0, true},
		{"error", result(nil, errFlush), -1, 0, false},
		{"error whose message panics", func() *ownError { return nil }, -1, 0, true},
		{"error whose type panics", result(nil, halfTyped{}), -1, 0, false},
		{"error after the deadline", func() error { time.Sleep(late); return errFlush }, -1, 0, false},
		{"panic", func() { panic("boom") }, -1, 0, true},
		{"Goexit", func() { runtime.Goexit() }, -1, 0, false},
		{"bytes", bytesHandler(func(context.Context, []byte) ([]byte, error) { return []byte("x"), nil }), -1, 0, false},
		{"bytes above 6 MB", bytesHandler(func(context.Context, []byte) ([]byte, error) { return []byte(large), nil }), -1, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal()
				fn := handler.Wrap(tt.fn, handler.WithTracker(j), handler.WithTracerProvider(j.provider()))
				if h, ok := fn.(lambda.Handler); ok {
					fn = func(ctx context.Context) (io.Reader, error) {
						out, err := h.Invoke(ctx, nil)
						return io.NopCloser(strings.NewReader(string(out))), err
					}
				}
				go func() {
					defer func() { _ = recover() }()
					drive(t, j, fn, tt.limit, tt.wait)
				}()
				time.Sleep(2 * late)
				if got := j.has("exit flush r1"); got != tt.ends {
					t.Errorf("FlushBeforeExit: %t; want %t: %q", got, tt.ends, j.entries)
				}
				if tt.ends && j.has("flush r1") {
					t.Errorf("flushed twice: %q", j.entries)
				}
			})
		})
	}
}
