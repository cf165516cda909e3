package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// The kinds of the function's events in the environment's log, next to the platform's own.
const (
	handlerBegun    eventlog.Kind = "handler.begun"
	endCalled       eventlog.Kind = "end.called"
	endReturned     eventlog.Kind = "end.returned" // Duration: of the call
	flushBegun      eventlog.Kind = "flush.begun"  // Duration: until its context's deadline
	flushEnded      eventlog.Kind = "flush.ended"  // Detail: the error
	openEnded       eventlog.Kind = "open.ended"   // Who: the root span id, Detail: the reason
	timeoutNotified eventlog.Kind = "timeout.notified"
	hookCalled      eventlog.Kind = "hook.called"  // Duration: until its context's deadline
	deadlineSet     eventlog.Kind = "deadline.set" // Duration: until the exit deadline
	deadlineCleared eventlog.Kind = "deadline.cleared"
	spilled         eventlog.Kind = "spilled" // Duration: until its context's deadline
	shutdownBegun   eventlog.Kind = "shutdown.begun"
	shutdownEnded   eventlog.Kind = "shutdown.ended"
	backgroundSet   eventlog.Kind = "background.set" // Detail: true or false
)

// run is one run of a scenario: an environment in memory, with a function whose agent drives a fake Pipeline.
type run struct {
	*testing.T
	env     *lambdatest.Environment
	flusher *fakeFlusher
	lines   *lines

	config  lambdatest.Config
	options []agent.Option
	wrapped bool                                         // the handler reports to the agent
	handle  func(ctx context.Context, m *function) error // the handler's body
	onClose func(m *function)                            // before End, when the response is closed; nil: nothing

	several       bool                                  // the Flusher is a member of a MultiFlusher
	rootless      bool                                  // the invocations have no root span
	unattached    bool                                  // the handler reports without Attach
	context       func(context.Context) context.Context // makes the agent's context of the process's; nil: that itself
	extensionsDir string                                // empty: there is none

	mu    sync.Mutex
	agent *agent.Agent // of the process that started last
}

// function is the function around a handler.
type function struct {
	agent   *agent.Agent
	process *lambdatest.Process
	id      string
}

// scenario runs steps in a bubble. arrange changes the run before its environment is made; nil changes nothing.
func scenario(t *testing.T, arrange func(w *run), steps func(w *run)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := standalone(t)
		w.wrapped, w.handle = true, func(context.Context, *function) error { return nil }
		w.extensionsDir = filepath.Join(t.TempDir(), "extensions") // which is not there
		if arrange != nil {
			arrange(w)
		}
		env, err := lambdatest.New(w.config, lambdatest.Func(w.main))
		if err != nil {
			t.Fatal(err)
		}
		w.env = env
		t.Cleanup(func() {
			if err := env.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			w.none(lambdatest.KindInitError, lambdatest.KindExitError) // in no scenario
			w.quietWhileFrozen()
			if t.Failed() {
				t.Logf("events:\n%s\nlog:\n%s", env.Log(), w.lines)
			}
		})
		steps(w)
	})
}

// standalone is a run without an environment: the test starts the agent itself.
func standalone(t *testing.T) *run {
	w := &run{T: t, lines: &lines{}}
	w.config.Log = new(eventlog.Log)
	w.flusher = &fakeFlusher{log: w.config.Log}
	return w
}

// start starts an agent in the process p.
func (w *run) start(ctx context.Context, p agent.Process, options ...agent.Option) *agent.Agent {
	return agent.Start(ctx, w.flusher, append(options, agent.WithProcess(p), agent.WithLogger(w.logger()))...)
}

func (w *run) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w.lines, nil)) }

// extend puts an external extension into the environment.
func (w *run) extend(name string) {
	w.Helper()
	w.config.ExternalExtensions = append(w.config.ExternalExtensions, lambdatest.ExternalExtension{Name: name})
	if err := os.MkdirAll(w.extensionsDir, 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.extensionsDir, name), nil, 0o755); err != nil {
		w.Fatal(err)
	}
}

// main is the function's main.
func (w *run) main(p *lambdatest.Process) {
	ctx := p.Context()
	if w.context != nil {
		ctx = w.context(ctx)
	}
	var flusher agent.Flusher = w.flusher
	if w.several {
		flusher = agent.MultiFlusher(agent.Named("fake", w.flusher), agent.MultiFlusher(&fakeFlusher{log: new(eventlog.Log)}))
	}
	a := agent.Start(ctx, flusher, append([]agent.Option{
		agent.WithProcess(agent.Process{
			Getenv: p.Getenv, Dial: p.Dial, Notify: p.Notify, StopNotify: p.StopNotify, Exit: p.Exit,
			Done: p.Context().Done(), ExtensionsDir: w.extensionsDir,
		}),
		agent.WithLogger(w.logger()),
	}, w.options...)...)
	w.mu.Lock()
	w.agent = a
	w.mu.Unlock()
	if w.wrapped && !w.unattached {
		a.Attach()
	}
	a.NotifyTimeout(func(id string) { w.note(timeoutNotified, id) })
	p.Serve(func(ctx context.Context, _ struct{ N int }) (io.Reader, error) {
		lc, _ := lambdacontext.FromContext(ctx)
		m := &function{agent: a, process: p, id: lc.AwsRequestID}
		if !w.wrapped {
			return strings.NewReader(`"fine"`), w.handle(ctx, m)
		}
		return w.invoke(ctx, m)
	})
}

// invoke does what a wrapped handler does around the user's: Begin, the two hooks for the end, and the flushes before
// the response that cannot wait.
func (w *run) invoke(ctx context.Context, m *function) (io.Reader, error) {
	deadline, _ := ctx.Deadline()
	root := rootOf(m.id)
	if w.rootless {
		root = [8]byte{}
	}
	m.agent.Begin(m.id, deadline, root)
	w.note(handlerBegun, m.id)
	context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), context.Canceled) {
			m.agent.End(m.id)
		}
	})
	defer func() {
		if p := recover(); p != nil {
			_ = m.agent.Flush(m.id)
			panic(p)
		}
	}()
	if err := w.handle(ctx, m); err != nil {
		if !m.agent.FlushesAfterEnd(m.id) {
			m.agent.End(m.id)
		}
		return nil, err
	}
	return &response{body: strings.NewReader(`"fine"`), end: func() { w.end(m) }}, nil
}

func (w *run) end(m *function) {
	if w.onClose != nil {
		w.onClose(m)
	}
	began := time.Now()
	w.note(endCalled, m.id)
	m.agent.End(m.id)
	w.config.Log.Add(eventlog.Event{Kind: endReturned, RequestID: m.id, Duration: time.Since(began)})
}

// untilEnd returns a channel that is closed at the end of the scenario.
func (w *run) untilEnd() <-chan struct{} {
	end := make(chan struct{})
	w.Cleanup(func() { close(end) })
	return end
}

func (w *run) note(kind eventlog.Kind, id string) {
	w.config.Log.Add(eventlog.Event{Kind: kind, RequestID: id})
}

// rootOf is the root span id of an invocation.
func rootOf(id string) (root [8]byte) {
	copy(root[:], "root-"+id)
	return root
}

// response is a handler's response: aws-lambda-go closes it when it has been posted.
type response struct {
	body io.Reader
	end  func()
}

func (r *response) Read(b []byte) (int, error) { return r.body.Read(b) }
func (r *response) Close() error               { r.end(); return nil }

// invokeAs invokes the function and waits for the answer.
func (w *run) invokeAs(id string) lambdatest.Response {
	w.Helper()
	resp, err := w.env.Invoke(w.Context(), lambdatest.Invocation{RequestID: id})
	if err != nil {
		w.Fatalf("invoke %s: %v", id, err)
	}
	return resp
}

// invokeInBackground invokes the function and does not wait.
func (w *run) invokeInBackground(id string) {
	go func() { _, _ = w.env.Invoke(context.Background(), lambdatest.Invocation{RequestID: id}) }()
}

// untilKilled is a handler that is deaf to its own deadline.
func untilKilled(_ context.Context, m *function) error {
	<-m.process.Context().Done()
	return nil
}

// idle waits until the environment is frozen or gone.
func (w *run) idle() {
	w.Helper()
	if err := w.env.WaitIdle(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// serves invokes once and fails if the answer is not the function's.
func (w *run) serves(id string) {
	w.Helper()
	if resp := w.invokeAs(id); resp.FunctionError != "" {
		w.Fatalf("%s failed: %s", id, resp.Payload)
	}
	w.idle()
}

// shutdown ends the environment as the service does.
func (w *run) shutdown() lambdatest.Exit {
	w.Helper()
	exit, err := w.env.Shutdown(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return exit
}

// gracefully ends the environment and fails if the process did not end well.
func (w *run) gracefully() {
	w.Helper()
	if exit := w.shutdown(); exit.Code != 0 || exit.Signal != "" {
		w.Errorf("the process ended with %+v", exit)
	}
	w.logs("SIGTERM received", "graceful shutdown completed")
}

// stats are the agent's.
func (w *run) stats() agent.Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.agent.Stats()
}

// find returns the events of a kind, of one invocation if id is not empty.
func (w *run) find(kind eventlog.Kind, id string) []eventlog.Event {
	return slices.DeleteFunc(w.config.Log.Events(), func(e eventlog.Event) bool {
		return e.Kind != kind || id != "" && e.RequestID != id
	})
}

// one returns the only event of a kind, of one invocation if id is not empty.
func (w *run) one(kind eventlog.Kind, id string) eventlog.Event {
	w.Helper()
	found := w.find(kind, id)
	if len(found) != 1 {
		w.Fatalf("%d events %s %s, want one", len(found), kind, id)
	}
	return found[0]
}

func (w *run) none(kinds ...eventlog.Kind) {
	w.Helper()
	for _, kind := range kinds {
		if found := w.find(kind, ""); len(found) > 0 {
			w.Errorf("unexpected %s", found[0])
		}
	}
}

// quietWhileFrozen fails if the process tried to send anything while it was frozen. A broken next is asked for at
// any time, since a frozen process in memory is only kept from sending.
func (w *run) quietWhileFrozen() {
	w.Helper()
	if w.config.Faults.Next != (lambdatest.Fault{}) {
		return
	}
	frozen := false
	for _, e := range w.config.Log.Events() {
		switch e.Kind {
		case lambdatest.KindFreeze:
			frozen = true
		case lambdatest.KindThaw, lambdatest.KindSigkill, lambdatest.KindProcessExit: // a killed process's connections end before its goroutines
			frozen = false
		case lambdatest.KindFrozenActivity:
			if frozen {
				w.Errorf("unexpected %s", e)
			}
		}
	}
}

// inOrder fails if the events do not follow each other.
func (w *run) inOrder(events ...eventlog.Event) {
	w.Helper()
	for i := range events[1:] {
		if events[i].Seq >= events[i+1].Seq {
			w.Errorf("%s does not come before %s", events[i], events[i+1])
		}
	}
}

// between returns the virtual time from one event to another.
func between(from, to eventlog.Event) time.Duration { return to.At.Sub(from.At) }

// within returns the events of a kind between two others.
func (w *run) within(from, to eventlog.Event, kind eventlog.Kind) []eventlog.Event {
	return slices.DeleteFunc(w.find(kind, ""), func(e eventlog.Event) bool { return e.Seq < from.Seq || e.Seq > to.Seq })
}

// logs fails if the function's log does not have each of the texts exactly once.
func (w *run) logs(texts ...string) {
	w.Helper()
	for _, text := range texts {
		if n := strings.Count(w.lines.String(), text); n != 1 {
			w.Errorf("%d lines with %q in the log, want one", n, text)
		}
	}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// notJSON is a payload that does not decode.
var notJSON = json.RawMessage(`{"N":"not a number"}`)
