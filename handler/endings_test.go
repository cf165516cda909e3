package handler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/handler"
)

const (
	late         = 4 * time.Second // past the deadline of invocationContext
	acceptedSize = 6<<20 + 100     // bytes of the largest response that Lambda accepts if it is not streamed
)

// ending is an invocation that ends in some way.
type ending struct {
	fn     any
	unread bool          // aws-lambda-go does not read the response to its end
	wait   time.Duration // between the return and the close
}

// run does what aws-lambda-go does: it calls, posts, closes a response, and cancels the context. The recorder has the
// return and the end of the post too.
func (e ending) run(t *testing.T, j *recorder, opts []handler.Option) {
	t.Helper()
	fn := handler.Wrap(e.fn, opts...)
	ctx, cancel := invocationContext(t)
	done := make(chan struct{})
	go func() { // which runtime.Goexit ends
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				if e, ok := v.(messages.InvokeResponse_Error); ok {
					v = e.Message
				}
				j.add(fmt.Sprint("panicked: ", v))
			}
		}()
		if h, ok := fn.(lambda.Handler); ok {
			_, _ = h.Invoke(ctx, nil)
			j.add("returned")
			return
		}
		out, err := fn.(readerFunc)(ctx)
		j.add("returned")
		if err != nil {
			return
		}
		if e.unread {
			_, _ = io.CopyN(io.Discard, out, 2)
		} else {
			_, _ = io.Copy(io.Discard, out)
		}
		time.Sleep(e.wait)
		j.add("posted")
		_ = out.(io.Closer).Close()
	}()
	<-done
	cancel()
	synctest.Wait() // the hook on the cancellation has run
}

// endings are invocations that end in the ways of the table in docs/design.md.
var endings = map[string]ending{
	"response":                   {fn: result(1, nil)},
	"error":                      {fn: result(nil, errors.New("no such order"))},
	"panic":                      {fn: func() { panic("boom") }},
	"runtime.Goexit":             {fn: func() { runtime.Goexit() }},
	"response that is too large": {fn: encoded(acceptedSize + 1)},
	"stream of more than 6 MB":   {fn: streamed(acceptedSize + 1)},
	"broken stream":              {fn: streamed(4), unread: true},
	"response past the deadline": {fn: result(1, nil), wait: late},
	"error past the deadline":    {fn: func() error { time.Sleep(late); return errFlush }},
}

// encoded returns a function whose encoded result has the size.
func encoded(size int) any { return result(strings.Repeat("x", size-len(`""`)), nil) }

// streamed returns a function whose response is a reader of that many bytes.
func streamed(size int) any {
	return func() (any, error) { return strings.NewReader(strings.Repeat("x", size)), nil }
}

// TestEveryEndingHasItsSpanWithoutATracker wraps functions of a program that has no agent.
func TestEveryEndingHasItsSpanWithoutATracker(t *testing.T) {
	for name, e := range endings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newRecorder()
				e.run(t, j, []handler.Option{handler.WithTracerProvider(j.provider())})
				j.span(t)
			})
		})
	}
}

// TestEndings runs each row of the table "Endings" against a tracker that flushes after End and one that does not.
func TestEndings(t *testing.T) {
	rows := endingRows(t)
	for name := range endings {
		if _, ok := rows[name]; !ok {
			t.Errorf("docs/design.md has no row for the ending %q", name)
		}
	}
	for name, columns := range rows {
		e, ok := endings[name]
		if !ok {
			t.Errorf("the ending %q of docs/design.md is not tested", name)
			continue
		}
		for i, want := range columns {
			t.Run(name+map[int]string{0: ", FlushesAfterEnd", 1: ", End flushes"}[i], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					j := newRecorder()
					e.run(t, j, j.options(i == 0))
					if diff := cmp.Diff(want, strings.Join(j.calls(), ", ")); diff != "" {
						t.Errorf("calls (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

// calls returns the names of the calls for the invocation.
func (j *recorder) calls() (names []string) {
	for _, entry := range j.entries {
		if name, rest, ok := strings.Cut(entry, " "+requestID); ok && (rest == "" || rest[0] == ':') {
			names = append(names, name)
		}
	}
	return names
}

// endingRows reads the table: the ending, and the calls in two columns.
func endingRows(t *testing.T) map[string][2]string {
	t.Helper()
	text, err := os.ReadFile("../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Endings\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string][2]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.Contains(line, "---") || strings.Contains(line, "| ending |") {
			continue
		}
		for i := range cells {
			cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "`", "")
		}
		rows[cells[0]] = [2]string{cells[1], cells[2]}
	}
	if len(rows) < 2 {
		t.Fatal("the section Endings of docs/design.md has no table")
	}
	return rows
}

// earlyFlusher is a recorder whose End flushes, with an early flush for outcomes whose End is late.
type earlyFlusher struct{ endFlushes }

func (e earlyFlusher) FlushEarly(id string) error { e.add("FlushEarly " + id); return errFlush }

// TestFlushEarlyIsForProcessesThatLiveOn asserts that a tracker that has FlushEarly gets it instead of Flush if the only
// reason is an End that comes too late.
func TestFlushEarlyIsForProcessesThatLiveOn(t *testing.T) {
	for name, tt := range map[string]struct {
		ending
		want string
	}{
		"error":                      {endings["error"], "Begin, FlushEarly, End"},
		"bytes":                      {ending{fn: bytesOf([]byte("x"), nil)}, "Begin, FlushEarly, End"},
		"response":                   {endings["response"], "Begin, End"},
		"panic":                      {endings["panic"], "Begin, EndOpenSpans, FlushBeforeExit, End"},
		"runtime.Goexit":             {endings["runtime.Goexit"], "Begin, EndOpenSpans, Flush, End"},
		"stream of more than 6 MB":   {endings["stream of more than 6 MB"], "Begin, Flush, End"},
		"response past the deadline": {endings["response past the deadline"], "Begin, Flush, End"},
		"error past the deadline":    {endings["error past the deadline"], "Begin, Flush, End"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newRecorder()
				tt.run(t, j, []handler.Option{handler.WithTracker(earlyFlusher{endFlushes{j}})})
				if got := strings.Join(j.calls(), ", "); got != tt.want {
					t.Errorf("calls %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// halfTyped is an error whose ErrorType panics, and whose message is as it should be.
type halfTyped struct{}

func (halfTyped) Error() string     { return "as usual" }
func (halfTyped) ErrorType() string { panic("no type") }

// bytesOf returns a lambda.Handler with these results.
func bytesOf(out []byte, err error) lambda.Handler {
	return bytesHandler(func(context.Context, []byte) ([]byte, error) { return out, err })
}

// TestOrderOfEndings has the endings whose calls are not the table's, and the order of the calls, the span's end, the
// return and the post.
func TestOrderOfEndings(t *testing.T) {
	const panicked = "EndOpenSpans r1: boom, span ended, FlushBeforeExit r1, panicked: boom, End r1"
	large := make([]byte, acceptedSize+1)
	boom := func(context.Context, []byte) ([]byte, error) { panic("boom") }
	for name, tt := range map[string]struct {
		ending
		endFlushes bool
		want       string // after Begin; exit stands for FlushBeforeExit r1
	}{
		"result":                       {ending{fn: result(1, nil)}, false, "span ended, returned, posted, End r1"},
		"result, End flushes":          {ending{fn: result(1, nil)}, true, "span ended, returned, posted, End r1"},
		"result not read to its end":   {ending{result("long", nil), true, 0}, true, "span ended, returned, posted, exit, End r1"},
		"result of the largest size":   {ending{fn: encoded(acceptedSize)}, false, "span ended, returned, posted, End r1"},
		"stream":                       {ending{fn: streamed(4)}, false, "returned, span ended, posted, End r1"},
		"stream of the largest size":   {ending{fn: streamed(acceptedSize)}, false, "returned, span ended, posted, End r1"},
		"stream that is not read":      {ending{streamed(4), true, 0}, false, "returned, posted, span ended, exit, End r1"},
		"error":                        {ending{fn: result(nil, errFlush)}, false, "span ended, returned, End r1"},
		"error, End flushes":           {ending{fn: result(nil, errFlush)}, true, "span ended, Flush r1, returned, End r1"},
		"error whose message panics":   {ending{fn: func() *ownError { return nil }}, false, "span ended, exit, returned, End r1"},
		"error whose type panics":      {ending{fn: result(nil, halfTyped{})}, false, "span ended, returned, End r1"},
		"error past the deadline":      {endings["error past the deadline"], false, "span ended, Flush r1, End r1, returned"},
		"aws-lambda-go's error":        {ending{fn: result(nil, outOfStock(false))}, false, "span ended, returned, End r1"},
		"one that ends the process":    {ending{fn: result(nil, outOfStock(true))}, false, "span ended, exit, returned, End r1"},
		"result that does not encode":  {ending{fn: result(make(chan int), nil)}, true, "span ended, Flush r1, returned, End r1"},
		"result whose encoding panics": {ending{fn: result(panickingJSON{}, nil)}, false, panicked},
		"panic":                        {endings["panic"], false, panicked},
		"bytes":                        {ending{fn: bytesOf([]byte("x"), nil)}, false, "span ended, returned, End r1"},
		"bytes, End flushes":           {ending{fn: bytesOf([]byte("x"), nil)}, true, "span ended, Flush r1, returned, End r1"},
		"bytes of the largest size":    {ending{fn: bytesOf(large[1:], nil)}, false, "span ended, returned, End r1"},
		"bytes above it":               {ending{fn: bytesOf(large, nil)}, false, "span ended, exit, returned, End r1"},
		"a Handler's error":            {ending{fn: bytesOf(nil, errFlush)}, false, "span ended, returned, End r1"},
		"a Handler's, End flushes":     {ending{fn: bytesOf(nil, errFlush)}, true, "span ended, Flush r1, returned, End r1"},
		"a Handler that panics":        {ending{fn: bytesHandler(boom)}, false, panicked},
		"stream that fails": {
			ending{fn: result(failing("half", errFlush), nil)}, false, "returned, span ended, posted, End r1",
		},
		"stream whose Read panics": {ending{fn: result(panickingReader{}, nil)}, false, "returned, " + panicked},
		"stream whose Close panics": {
			ending{fn: result(panickingCloser{strings.NewReader("x")}, nil)},
			false,
			"returned, span ended, posted, exit, End r1, panicked: boom",
		},
		"panic that does not end the process": {
			ending{fn: func() { panic(outOfStock(false)) }},
			true,
			"EndOpenSpans r1: out of stock, span ended, Flush r1, panicked: out of stock, End r1",
		},
		"runtime.Goexit": {
			endings["runtime.Goexit"], false, "EndOpenSpans r1: the handler called runtime.Goexit, span ended, Flush r1, End r1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newRecorder()
				tt.run(t, j, j.options(!tt.endFlushes))
				want := strings.ReplaceAll(tt.want, ", exit", ", FlushBeforeExit r1")
				j.want(t, append([]string{"Attach", "Begin r1"}, strings.Split(want, ", ")...)...)
			})
		})
	}
}

// TestDeadlineWhilePosting has a deadline that passes between an error's return and the end of its post: the
// cancellation that would tell of the post never comes.
func TestDeadlineWhilePosting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newRecorder()
		ctx, cancel := invocationContext(t)
		defer cancel()
		_, _ = handler.Wrap(result(nil, errFlush), j.options(true)...).(readerFunc)(ctx)
		time.Sleep(late)
		synctest.Wait()
		j.want(t, "Attach", "Begin r1", "span ended", "End r1")
	})
}

// sharedCall is an invocation on Managed Instances.
type sharedCall struct {
	id         string
	begin, end time.Duration // from the beginning of the test: of the call, and of the post with the close
	size       int
	unread     bool // aws-lambda-go does not read the response to its end
}

// run does what one loop of aws-lambda-go does.
func (c sharedCall) run(t *testing.T, fn readerFunc) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	time.Sleep(c.begin)
	out, err := fn(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: c.id}))
	if err != nil {
		t.Error(err)
		return
	}
	time.Sleep(c.end - c.begin)
	if !c.unread {
		_, _ = io.Copy(io.Discard, out)
	}
	_ = out.(io.Closer).Close()
}

// TestInvocationsFlushIfTheProcessMayExit has invocations that share a process: on Managed Instances aws-lambda-go exits
// after a refused response, when the other invocations have ended. So those that may be affected flush before they end.
func TestInvocationsFlushIfTheProcessMayExit(t *testing.T) {
	const ms, tooLarge = time.Millisecond, acceptedSize + 1
	for name, tt := range map[string]struct {
		flush time.Duration
		calls []sharedCall
		want  []string
	}{
		"one that was fetched before the refusal was known": {
			calls: []sharedCall{
				{id: "refused", size: tooLarge},
				{id: "soon", begin: 500 * ms, end: 800 * ms, size: 1},
				{id: "later", begin: 1500 * ms, end: 1600 * ms, size: 1},
			},
			want: []string{"Flush refused", "End refused", "Flush soon", "End soon", "End later"},
		},
		"one that is under way": {
			calls: []sharedCall{
				{id: "refused", begin: 100 * ms, end: 100 * ms, size: tooLarge},
				{id: "long", end: 5000 * ms, size: 1},
			},
			want: []string{"Flush refused", "End refused", "Flush long", "End long"},
		},
		"one that begins during a long flush": {
			flush: 2000 * ms,
			calls: []sharedCall{
				{id: "refused", size: tooLarge},
				{id: "meanwhile", begin: 1500 * ms, end: 3000 * ms, size: 1},
			},
			want: []string{"Flush refused", "End refused", "Flush meanwhile", "End meanwhile"},
		},
		"one that ends during it": {
			flush: 2000 * ms,
			calls: []sharedCall{
				{id: "refused", size: tooLarge},
				{id: "meanwhile", end: 1000 * ms, size: 1},
			},
			want: []string{"Flush refused", "End refused", "Flush meanwhile", "End meanwhile"},
		},
		"all, if the exit is certain": {
			calls: []sharedCall{
				{id: "broken", begin: 100 * ms, end: 100 * ms, size: 1, unread: true},
				{id: "long", end: 5000 * ms, size: 1},
			},
			want: []string{"FlushBeforeExit broken", "End broken", "FlushBeforeExit long", "End long"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &recorder{flushTakes: tt.flush}
				sizes := map[string]int{}
				for _, c := range tt.calls {
					sizes[c.id] = c.size
				}
				fn := handler.Wrap(func(ctx context.Context) (io.Reader, error) {
					lc, _ := lambdacontext.FromContext(ctx)
					return strings.NewReader(strings.Repeat("x", sizes[lc.AwsRequestID])), nil
				}, handler.WithTracker(j), handler.WithProcess(started("lambda-managed-instances"))).(readerFunc)
				var loops sync.WaitGroup
				for _, c := range tt.calls {
					loops.Go(func() { c.run(t, fn) })
				}
				loops.Wait()
				got := slices.DeleteFunc(j.entries, func(e string) bool { return e == "Attach" || strings.HasPrefix(e, "Begin ") })
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}
