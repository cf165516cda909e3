package report

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

func TestDescribe(t *testing.T) {
	whole := lambdatest.InvocationReport{
		RequestID: "a", Process: 1, Released: at(0), Posted: at(5 * ms), Ended: at(9 * ms), Frozen: at(10 * ms),
		Billed: 9*ms - time.Microsecond, Handler: 5 * ms, AfterResponse: 4*ms - time.Microsecond,
	}
	receipts := []Receipt{
		{Began: at(-2 * ms), Ended: at(-1 * ms), Kept: 9}, // of the invocation before
		{Began: at(6 * ms), Ended: at(7 * ms), Refused: 3},
		{Began: at(7 * ms), Ended: at(8 * ms), Kept: 3},
		{Began: at(20 * ms), Ended: at(21 * ms), Kept: 9}, // of the one after
	}
	want := Invocation{
		Number: 4, RequestID: "a", Kind: "warm", Posted: 5 * ms, FlushBegan: 6 * ms, FlushEnded: 8 * ms, Spans: 3, Refusals: 1,
		Frozen: 10 * ms, Billed: 9 * ms, Handler: 5 * ms, After: 4*ms - time.Microsecond,
	}
	if diff := cmp.Diff(want, Describe(4, whole, receipts)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	early := whole
	early.Posted = at(8 * ms)
	if !Describe(4, early, receipts).Early {
		t.Error("a flush before the response is not seen as early")
	}
	open := whole
	open.Ended, open.Posted = time.Time{}, time.Time{}
	if got := Describe(4, open, []Receipt{{Began: at(time.Second), Kept: 1}}); got.Spans != 1 || !got.Early || got.FlushEnded != 0 {
		t.Errorf("an invocation that is not over: got %+v", got)
	}
}

func TestKind(t *testing.T) {
	posted := at(ms)
	for _, c := range []struct {
		r    lambdatest.InvocationReport
		want string
	}{
		{lambdatest.InvocationReport{Cold: true}, "cold"},
		{lambdatest.InvocationReport{}, "warm"},
		{lambdatest.InvocationReport{Thawed: 10 * ms}, "warm"},
		{lambdatest.InvocationReport{Thawed: time.Second}, "thawed"},
		{lambdatest.InvocationReport{Cold: true, ErrorType: "errorString", Posted: posted}, "error"},
		{lambdatest.InvocationReport{ErrorType: "string", Posted: posted, Exited: true}, "panic"},
		{lambdatest.InvocationReport{ErrorType: "Function.ResponseSizeTooLarge", Posted: posted, Exited: true, Refused: 413}, "refused"},
		{lambdatest.InvocationReport{ErrorType: "Runtime.ExitError", Posted: posted, Exited: true, Refused: 400}, "exit"}, // broke off
		{lambdatest.InvocationReport{ErrorType: "Runtime.ExitError", Exited: true}, "exit"},
		{lambdatest.InvocationReport{ErrorType: "Sandbox.Timedout", Exited: true, TimedOut: true}, "timeout"},
	} {
		if got := kindOf(c.r); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.r, got, c.want)
		}
	}
}

func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		resp lambdatest.Response
		want string
	}{
		{lambdatest.Response{Payload: []byte(`{"statusCode":201,"body":"{}"}`)}, "201"},
		{lambdatest.Response{Payload: []byte(`{"statusCode":"x"}`)}, "ok"},
		{lambdatest.Response{Payload: []byte(`{"statusCode":404,"headers":{}}` + preludeEnd + `{"statusCode":500}`)}, "404"},
		{lambdatest.Response{Payload: []byte(`{"headers":{}}` + preludeEnd)}, "200"},
		{lambdatest.Response{Payload: []byte("a file\x00\x00" + preludeEnd)}, "ok"},
		{lambdatest.Response{Payload: []byte(`null`)}, "ok"},
		{lambdatest.Response{}, "ok"},
		{lambdatest.Response{FunctionError: "Unhandled", Payload: []byte(`{"statusCode":201}`)}, "error"},
	} {
		if got := Answer(c.resp); got != c.want {
			t.Errorf("%s: got %q, want %q", c.resp.Payload, got, c.want)
		}
	}
}

func TestInits(t *testing.T) {
	got := Inits([]eventlog.Event{
		{Kind: lambdatest.KindInitDone, Duration: ms}, // of a process whose beginning is not there
		{Kind: lambdatest.KindInitStart, Count: 1},
		{Kind: lambdatest.KindExtensionRefused, Who: "epilogue", Count: 403, Detail: "Extension.InvalidEventType"},
		{Kind: lambdatest.KindExtensionRegistered, Who: "epilogue"},
		{Kind: lambdatest.KindInitDone, Duration: 12 * ms},
		{Kind: lambdatest.KindInitStart, Count: 2},
		{Kind: lambdatest.KindExtensionRegistered, Who: "epilogue", Detail: "INVOKE"},
		{Kind: lambdatest.KindInitFailed, Detail: "Runtime.ExitError"},
	})
	want := []Init{
		{
			Took: 12 * ms, Extensions: []string{`extension "epilogue" registered for SIGTERM alone`},
			Refused: []string{`extension "epilogue" refused with 403 Extension.InvalidEventType`},
		},
		{Failure: "Runtime.ExitError", Extensions: []string{`extension "epilogue" registered for INVOKE`}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestShutdowns(t *testing.T) {
	events := []eventlog.Event{
		{Kind: lambdatest.KindProcessStart, Count: 1},
		{Kind: lambdatest.KindProcessExit, Count: 1, At: at(0)},
		{Kind: lambdatest.KindProcessStart, Count: 2},
		{Kind: lambdatest.KindTimeout},
		{Kind: lambdatest.KindSigterm, Duration: 500 * ms, At: at(ms)},
		{Kind: lambdatest.KindProcessExit, At: at(9 * ms)},
		{Kind: lambdatest.KindProcessStart, Count: 3},
		{Kind: lambdatest.KindSigterm, Duration: 500 * ms, At: at(time.Second)},
		{Kind: lambdatest.KindSigkill},
		{Kind: lambdatest.KindProcessExit, Count: -1, Detail: "killed", At: at(1500 * ms)},
		{Kind: lambdatest.KindProcessStart, Count: 4},
		{Kind: lambdatest.KindSigkill},
		{Kind: lambdatest.KindProcessExit, Count: -1, At: at(2 * time.Second)},
	}
	receipts := []Receipt{
		{Began: at(2 * ms), Ended: at(4 * ms), Kept: 3},
		{Began: at(5 * ms), Ended: at(6 * ms), Refused: 3},
		{Began: at(10 * ms), Ended: at(11 * ms), Kept: 7},
	}
	want := []Shutdown{
		{Process: 1, Cause: CauseItself, Code: 1},
		{Process: 2, Cause: CauseTimeout, SIGTERM: true, Window: 500 * ms, Exited: 8 * ms, Left: 3, Last: 3 * ms},
		{Process: 3, SIGTERM: true, Killed: true, Window: 500 * ms, Exited: 500 * ms, Code: -1, Signal: "killed"},
		{Process: 4, Killed: true, Code: -1},
	}
	if diff := cmp.Diff(want, Shutdowns(events, receipts)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
