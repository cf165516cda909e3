package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

const (
	// diaryVariable is set for a child process: the URL for its event log.
	diaryVariable = "AGENT_TEST_DIARY"

	// secondVariable makes a child process start another agent, which has nothing to deliver.
	secondVariable = "AGENT_TEST_SECOND"

	callbackEnded eventlog.Kind = "callback.ended" // of lambda.WithEnableSIGTERM
)

func TestMain(m *testing.M) {
	if diary := os.Getenv(diaryVariable); diary != "" {
		child(diary)
		return
	}
	goleak.VerifyTestMain(m)
}

// child is a function's main, with the real aws-lambda-go, real signals and a real exit.
func child(url string) {
	d := diary(url)
	ag := agent.Start(context.Background(), d)
	ag.Attach()
	if os.Getenv(secondVariable) != "" {
		agent.Start(context.Background(), nil, agent.WithExtensionName("second"))
	}
	var options []lambda.Option
	if os.Getenv("EPILOGUE_WITHOUT_EXIT") != "" {
		options = append(options, lambda.WithEnableSIGTERM(func() {
			time.Sleep(5 * time.Millisecond) // the program's own work
			_ = d.note(callbackEnded)
		}))
	}
	lambda.StartWithOptions(func(ctx context.Context, event struct {
		Hang bool
		Log  int
	},
	) (io.Reader, error) {
		lc, _ := lambdacontext.FromContext(ctx)
		id := lc.AwsRequestID
		deadline, _ := ctx.Deadline()
		ag.Begin(id, deadline, rootOf(id))
		_, _ = os.Stderr.Write(make([]byte, event.Log))
		if event.Hang {
			select {}
		}
		return &response{body: strings.NewReader(`"fine"`), end: func() { ag.End(id) }}, nil
	}, options...)
}

// diary is a Pipeline that reports to the test, and waits until the test has noted it, so that the order is exact.
type diary string

func (d diary) note(kind eventlog.Kind) error {
	resp, err := http.Post(string(d)+"/"+string(kind), "text/plain", http.NoBody)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (d diary) ForceFlush(context.Context) error {
	return errors.Join(d.note(flushBegun), d.note(flushEnded))
}

// Shutdown waits for the garbage collector to be held off, which is done concurrently.
func (d diary) Shutdown(ctx context.Context) error {
	if os.Getenv("EPILOGUE_WITHOUT_EXIT") != "" {
		return d.note(shutdownEnded)
	}
	off := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	for metrics.Read(off); off[0].Value.Uint64() != math.MaxUint64; metrics.Read(off) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		runtime.Gosched()
	}
	return d.note(shutdownEnded)
}

func (d diary) EndOpenSpans([][8]byte, string, string) int { _ = d.note(openEnded); return 1 }

func (d diary) Flush(ctx context.Context) error { return d.ForceFlush(ctx) }

func (d diary) Pending() (n int, flushNow bool)  { return 1, false }
func (d diary) SetBackgroundExport(bool)         {}
func (d diary) SetExitDeadline(time.Time)        {}
func (d diary) SpillPending(context.Context) int { return 0 }
func (d diary) Counts() []agent.SignalCounts     { return nil }

// newChild returns the run of a function in a child process.
func newChild(t *testing.T, arrange func(w *run)) *run {
	t.Helper()
	w := &run{T: t, lines: &lines{}}
	w.config = lambdatest.Config{Log: new(eventlog.Log), Stderr: w.lines, Timeout: 2 * time.Second}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w.note(eventlog.Kind(strings.TrimPrefix(r.URL.Path, "/")), "")
	}))
	t.Cleanup(server.Close)
	// The race detector's run time waits a second in os.Exit unless set otherwise: twice the window.
	// Its exit with coverage writes a warning to standard error, which may be full, without GOCOVERDIR.
	// A busy machine may keep the child from running for longer than the 200 ms before a deadline.
	w.config.Env = []string{
		diaryVariable + "=" + server.URL, "GORACE=atexit_sleep_ms=0", "EPILOGUE_PRE_TIMEOUT_FLUSH=1s", "GOCOVERDIR=" + t.TempDir(),
	}
	if arrange != nil {
		arrange(w)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if w.env, err = lambdatest.New(w.config, lambdatest.Command(self)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.env.Close()
		if t.Failed() {
			t.Logf("events:\n%s\nlog:\n%s", w.env.Log(), w.lines)
		}
	})
	return w
}

func TestChildProcessFlushesAfterTheResponseAndAtSigterm(t *testing.T) {
	w := newChild(t, nil)
	const invocations = 20
	for i := range invocations {
		w.serves(strconv.Itoa(i))
	}
	for i := range invocations {
		id := strconv.Itoa(i)
		w.inOrder(w.one(lambdatest.KindResponsePosted, id), w.find(flushBegun, "")[i], w.find(flushEnded, "")[i],
			w.one(lambdatest.KindExtensionNext, id))
	}
	w.gracefully()
	w.inOrder(w.one(lambdatest.KindSigterm, ""), w.one(openEnded, ""), w.find(flushEnded, "")[invocations],
		w.one(shutdownEnded, ""), w.one(lambdatest.KindProcessExit, ""))
}

// TestChildProcessWithTwoAgents asserts that the agent that has nothing to deliver leaves the exit to the other one.
func TestChildProcessWithTwoAgents(t *testing.T) {
	w := newChild(t, func(w *run) { w.config.Env = append(w.config.Env, secondVariable+"=1") })
	w.serves("r")
	if exit := w.shutdown(); exit.Code != 0 || exit.Signal != "" {
		t.Errorf("%+v", exit)
	}
	w.inOrder(w.one(lambdatest.KindSigterm, ""), w.one(shutdownEnded, ""), w.one(lambdatest.KindProcessExit, ""))
	if n := strings.Count(w.lines.String(), "graceful shutdown completed"); n != 2 {
		t.Errorf("%d agents tell of their shutdown, want 2", n)
	}
}

// TestChildProcessWithAFullLogPipe asserts that a log that is not read, in which the handler blocks, costs neither the
// last flush nor the exit.
func TestChildProcessWithAFullLogPipe(t *testing.T) {
	const pipe = 1 << 20 // more than a pipe holds
	for name, payload := range map[string]string{
		"the handler fills it": fmt.Sprintf(`{"Log":%d}`, pipe), "it is full from the beginning": `{"Hang":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			unread, full, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(payload, "Hang") {
				_ = full.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
				_, _ = full.Write(make([]byte, pipe))
			}
			t.Cleanup(func() { _ = errors.Join(unread.Close(), full.Close()) })
			w := newChild(t, func(w *run) {
				w.config.Stderr, w.config.ShutdownWindow = full, 5*time.Second // a busy machine may need it
			})
			resp, err := w.env.Invoke(t.Context(), lambdatest.Invocation{RequestID: "r", Payload: []byte(payload)})
			if err != nil || !resp.TimedOut {
				t.Fatalf("%+v %v", resp, err)
			}
			exit, err := w.config.Log.Wait(t.Context(), 0, func(e eventlog.Event) bool { return e.Kind == lambdatest.KindProcessExit })
			if err != nil || exit.Count != 0 || exit.Detail != "" {
				t.Errorf("%s %v", exit, err)
			}
			flushes := w.find(flushEnded, "")
			w.inOrder(w.one(lambdatest.KindSigterm, ""), flushes[len(flushes)-1], w.one(shutdownEnded, ""), exit)
		})
	}
}

// TestChildProcessWithoutExitLivesOn asserts that work which the program does at SIGTERM is not cut off.
func TestChildProcessWithoutExitLivesOn(t *testing.T) {
	w := newChild(t, func(w *run) { w.config.Env = append(w.config.Env, "EPILOGUE_WITHOUT_EXIT=true") })
	w.serves("r")
	if exit := w.shutdown(); exit.Signal != "killed" { // this program does not end itself
		t.Errorf("%+v", exit)
	}
	w.logs("SIGTERM received", "graceful shutdown completed")
	w.inOrder(w.one(lambdatest.KindSigterm, ""), w.one(shutdownEnded, ""), w.one(lambdatest.KindProcessExit, ""))
	w.one(callbackEnded, "")
}
