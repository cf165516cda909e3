package lambdatest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// inMemory runs test in a bubble, with an environment that it closes.
func inMemory(t *testing.T, cfg lambdatest.Config, main func(*lambdatest.Process), test func(t *testing.T, env *lambdatest.Environment)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, newEnvironment(t, cfg, lambdatest.Func(main)))
	})
}

func newEnvironment(t *testing.T, cfg lambdatest.Config, p lambdatest.Program) *lambdatest.Environment {
	t.Helper()
	env, err := lambdatest.New(cfg, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if t.Failed() {
			t.Logf("events:\n%s", env.Log())
		}
	})
	return env
}

// invoke invokes and fails the test if there is no answer.
func invoke(t *testing.T, env *lambdatest.Environment, inv lambdatest.Invocation) lambdatest.Response {
	t.Helper()
	resp, err := env.Invoke(t.Context(), inv)
	if err != nil {
		t.Fatalf("Invoke: %v\n%s", err, env.Log())
	}
	return resp
}

func idle(t *testing.T, env *lambdatest.Environment) {
	t.Helper()
	if err := env.WaitIdle(t.Context()); err != nil {
		t.Fatalf("WaitIdle: %v\n%s", err, env.Log())
	}
}

// kinds returns the events of the kinds given, in order; all if none is given.
func events(env *lambdatest.Environment, kinds ...eventlog.Kind) []eventlog.Event {
	var found []eventlog.Event
	for _, e := range env.Log().Events() {
		for _, k := range kinds {
			if e.Kind == k {
				found = append(found, e)
			}
		}
	}
	return found
}

// only returns the one event of a kind.
func only(t *testing.T, env *lambdatest.Environment, kind eventlog.Kind) eventlog.Event {
	t.Helper()
	found := events(env, kind)
	if len(found) != 1 {
		t.Fatalf("%d events %q, want one\n%s", len(found), kind, env.Log())
	}
	return found[0]
}

// names returns the kinds of all events but those given, in order.
func names(env *lambdatest.Environment) string {
	var b strings.Builder
	for _, e := range env.Log().Events() {
		b.WriteString(string(e.Kind) + " ")
	}
	return strings.TrimSpace(b.String())
}

// api is a client of the Extensions API and the Runtime API.
type api struct {
	base   string
	client *http.Client
}

func newAPI(p *lambdatest.Process) *api {
	return dialAPI(p.Getenv("AWS_LAMBDA_RUNTIME_API"), p.Dial)
}

func dialAPI(address string, dial func(ctx context.Context, network, address string) (net.Conn, error)) *api {
	return &api{base: "http://" + address, client: &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (r reply) errorType() string {
	var body struct {
		ErrorType string `json:"errorType"`
	}
	_ = json.Unmarshal(r.body, &body)
	return body.ErrorType
}

func (a *api) do(ctx context.Context, method, path, body string, header ...string) reply {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return reply{err: err}
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{status: resp.StatusCode, header: resp.Header, body: b, err: err}
}

func (a *api) register(ctx context.Context, name, events string) reply {
	return a.do(ctx, http.MethodPost, "/2020-01-01/extension/register", `{"events":`+events+`}`, "Lambda-Extension-Name", name)
}

func (a *api) next(ctx context.Context, id string) reply {
	return a.do(ctx, http.MethodGet, "/2020-01-01/extension/event/next", "", "Lambda-Extension-Identifier", id)
}

// extend registers an extension and calls next until it fails; work runs between an event and the next.
func extend(ctx context.Context, a *api, name, events string, work func(ctx context.Context, event []byte)) {
	registered := a.register(ctx, name, events)
	if registered.status != http.StatusOK {
		return
	}
	go func() {
		for {
			r := a.next(ctx, registered.header.Get("Lambda-Extension-Identifier"))
			if r.status != http.StatusOK {
				return
			}
			if work != nil {
				work(ctx, r.body)
			}
		}
	}()
}

// sleeper is an extension's work that takes d.
func sleeper(d time.Duration) func(context.Context, []byte) {
	return func(ctx context.Context, _ []byte) { pause(ctx, d) }
}

// pause lets d pass, or the process end.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func ok() (string, error) { return "fine", nil }

func twice(t *testing.T, env *lambdatest.Environment) {
	t.Helper()
	send(t, env, "{}")
	send(t, env, "{}")
}

// send invokes, notes the answer in the log, and waits until the environment is idle.
func send(t *testing.T, env *lambdatest.Environment, payload string) {
	t.Helper()
	resp := invoke(t, env, lambdatest.Invocation{Payload: []byte(payload)})
	idle(t, env)
	env.Log().Add(eventlog.Event{Kind: "answer", Detail: fmt.Sprintf("%s %s %q %q timeout=%t cold=%t",
		resp.ContentType, resp.ErrorType, plain(resp), resp.FunctionError, resp.TimedOut, resp.Cold)})
}

func shutdown(t *testing.T, env *lambdatest.Environment) {
	t.Helper()
	if _, err := env.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// exited waits for the end of a process.
func exited(t *testing.T, env *lambdatest.Environment) eventlog.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e, err := env.Log().Wait(ctx, 0, func(e eventlog.Event) bool { return e.Kind == lambdatest.KindProcessExit })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// stream is a body that comes in parts.
type stream struct {
	parts []string
	end   error
}

func (s *stream) Read(b []byte) (int, error) {
	if len(s.parts) == 0 {
		if s.end != nil {
			return 0, s.end
		}
		return 0, io.EOF
	}
	n := copy(b, s.parts[0])
	s.parts = s.parts[1:]
	return n, nil
}

// plain is a payload without what differs by nature: request ids in errors, and the stack trace of a panic.
func plain(resp lambdatest.Response) string {
	payload := strings.ReplaceAll(string(resp.Payload), resp.RequestID, "ID")
	var failed map[string]any
	if json.Unmarshal([]byte(payload), &failed) == nil && failed["stackTrace"] != nil {
		delete(failed, "stackTrace")
		short, _ := json.Marshal(failed)
		return string(short)
	}
	return payload
}
