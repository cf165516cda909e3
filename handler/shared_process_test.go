package handler_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/handler"
)

// sharedTracker records the flushes and ends of the invocations that share a process. It flushes after End.
type sharedTracker struct {
	takes time.Duration // of Flush

	mu    sync.Mutex
	calls []string
}

func (s *sharedTracker) record(call, requestID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call+" "+requestID)
}

func (s *sharedTracker) Attach()                             {}
func (s *sharedTracker) Begin(string, time.Time, [8]byte)    {}
func (s *sharedTracker) EndOpenSpans(string, string) (n int) { return 0 }
func (s *sharedTracker) FlushBeforeExit(requestID string)    { s.record("FlushBeforeExit", requestID) }
func (s *sharedTracker) End(requestID string)                { s.record("End", requestID) }
func (s *sharedTracker) FlushesAfterEnd(string) bool         { return true }

func (s *sharedTracker) Flush(requestID string) error {
	time.Sleep(s.takes)
	s.record("Flush", requestID)
	return nil
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

// TestInvocationsBesideARefusedResponse: on Managed Instances aws-lambda-go exits after a refused response, when the
// other invocations have ended. So those that may be affected flush before they end.
func TestInvocationsBesideARefusedResponse(t *testing.T) {
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
				tracker := &sharedTracker{takes: tt.flush}
				sizes := map[string]int{}
				for _, c := range tt.calls {
					sizes[c.id] = c.size
				}
				fn := handler.Wrap(func(ctx context.Context) (io.Reader, error) {
					lc, _ := lambdacontext.FromContext(ctx)
					return strings.NewReader(strings.Repeat("x", sizes[lc.AwsRequestID])), nil
				}, handler.WithTracker(tracker), handler.WithProcess(started("lambda-managed-instances"))).(readerFunc)
				var loops sync.WaitGroup
				for _, c := range tt.calls {
					loops.Go(func() { c.run(t, fn) })
				}
				loops.Wait()
				if diff := cmp.Diff(tt.want, tracker.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		})
	}
}
