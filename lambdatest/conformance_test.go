//go:build unix

package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
)

// machine is what a scenario's function needs of its process, in either form.
type machine struct {
	getenv func(string) string
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	notify func(c chan<- os.Signal, sig ...os.Signal)
	exit   func(code int)
	serve  func(fn any)
	ctx    context.Context
}

// scenario is a function and the steps with it.
type scenario struct {
	name   string
	config lambdatest.Config
	main   func(m machine)
	drive  func(t *testing.T, env *lambdatest.Environment)
}

// scenarios run in both forms, and what the platform saw has to be the same.
var scenarios = []scenario{
	{"ok", lambdatest.Config{}, serving(ok), thenShutdown(twice)},
	{"extension flushes after the response", lambdatest.Config{}, extended(ok), thenShutdown(twice)},
	{"INVOKE early", lambdatest.Config{Order: lambdatest.OrderInvokeFirst}, extended(ok), twice},
	{"INVOKE late", lambdatest.Config{Order: lambdatest.OrderInvokeLate}, extended(ok), twice},
	{"INVOKE last", lambdatest.Config{Order: lambdatest.OrderInvokeLast}, extended(ok), twice},
	{"two extensions", lambdatest.Config{}, func(m machine) { m.extend("signals", `[]`); extended(ok)(m) }, thenShutdown(twice)},
	{"error", lambdatest.Config{}, serving(func() error { return errors.New("no") }), twice},
	{
		"payload that does not decode",
		lambdatest.Config{},
		serving(func(struct{ N int }) error { return nil }),
		func(t *testing.T, env *lambdatest.Environment) { send(t, env, `{"N":"x"}`); send(t, env, `{`) },
	},
	{
		"panic",
		lambdatest.Config{},
		func(m machine) {
			m.extendFor(time.Minute, "flusher", `["INVOKE"]`)
			m.serve(func() error { panic("boom") })
		}, twice,
	},
	{"runtime.Goexit in the handler", short, stubborn(func() { runtime.Goexit() }), once},
	{
		"exit in the handler",
		lambdatest.Config{},
		func(m machine) { m.serve(func() error { m.exit(3); return nil }) }, twice,
	},
	{"exit in Init", lambdatest.Config{}, func(m machine) { m.exit(4) }, once},
	{
		"timeout", short,
		stubborn(func(event struct{ Slow bool }) (string, error) {
			if event.Slow {
				time.Sleep(time.Minute)
			}
			return "fine", nil
		}),
		func(t *testing.T, env *lambdatest.Environment) { send(t, env, `{}`); send(t, env, `{"Slow":true}`) },
	},
	{
		"timeout with no extension",
		lambdatest.Config{Timeout: time.Second},
		func(m machine) { m.ignoreSignals(); m.serve(func() { time.Sleep(time.Minute) }) }, once,
	},
	{
		"response too large",
		lambdatest.Config{MaxResponse: 1000},
		serving(func() (string, error) { return strings.Repeat("x", 10_000), nil }), twice,
	},
	{
		"streamed body",
		lambdatest.Config{},
		serving(func() (io.Reader, error) { return &stream{parts: []string{"one ", "two"}}, nil }), twice,
	},
	{
		"streamed body that fails",
		lambdatest.Config{},
		serving(func() (io.Reader, error) { return &stream{parts: []string{"one "}, end: errors.New("no more")}, nil }), twice,
	},
	{
		"refused registration",
		lambdatest.Config{},
		func(m machine) { m.extend("greedy", `["INVOKE","SHUTDOWN"]`); m.serve(ok) }, thenShutdown(twice),
	},
	{"broken registration", lambdatest.Config{Faults: lambdatest.Faults{Register: lambdatest.Fault{Status: 500}}}, extended(ok), twice},
	{
		"managed instances",
		lambdatest.Config{ManagedInstances: true, Concurrency: 1},
		func(m machine) { m.extend("signals", `[]`); m.serve(ok) }, thenShutdown(twice),
	},
	{
		"late response on managed instances",
		lambdatest.Config{ManagedInstances: true, Concurrency: 2, Timeout: 100 * time.Millisecond},
		serving(func() (string, error) { time.Sleep(200 * time.Millisecond); return "late", nil }),
		func(t *testing.T, env *lambdatest.Environment) { once(t, env); exited(t, env) },
	},
}

// short is an environment of a stubborn function.
var short = lambdatest.Config{
	Timeout: time.Second, ShutdownWindow: 100 * time.Millisecond, Order: lambdatest.OrderInvokeFirst,
}

func serving(fn any) func(machine) { return func(m machine) { m.serve(fn) } }

func extended(fn any) func(machine) {
	return func(m machine) { m.extend("flusher", `["INVOKE"]`); m.serve(fn) }
}

// stubborn is extended, and does not end at SIGTERM.
func stubborn(fn any) func(machine) { return func(m machine) { m.ignoreSignals(); extended(fn)(m) } }

func once(t *testing.T, env *lambdatest.Environment) { t.Helper(); send(t, env, "{}") }

func thenShutdown(drive func(*testing.T, *lambdatest.Environment)) func(*testing.T, *lambdatest.Environment) {
	return func(t *testing.T, env *lambdatest.Environment) { t.Helper(); drive(t, env); shutdown(t, env) }
}

// TestBothFormsBehaveAlike runs each scenario with the real aws-lambda-go in a child process and with the loop in
// memory, and compares what the platform logged and what callers got.
func TestBothFormsBehaveAlike(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			if sc.config.ShutdownWindow == 0 {
				sc.config.ShutdownWindow = time.Minute // the child may be slow to die
			}
			config := sc.config
			config.Env = []string{childScenario + "=" + sc.name}
			child := newEnvironment(t, config, lambdatest.Command(binary))
			sc.drive(t, child)
			want := normal(child)
			synctest.Test(t, func(t *testing.T) {
				memory := newEnvironment(t, sc.config, lambdatest.Func(func(p *lambdatest.Process) { sc.main(inProcess(p)) }))
				sc.drive(t, memory)
				if diff := cmp.Diff(want, normal(memory)); diff != "" {
					t.Errorf("(-child +memory)\n%s", diff)
				}
			})
		})
	}
}

func init() { runChild = runFunction }

// runFunction is the test binary as a function.
func runFunction(name string) {
	main := functions[name]
	for _, sc := range scenarios {
		if sc.name == name {
			main = sc.main
		}
	}
	var dialer net.Dialer
	main(machine{
		getenv: os.Getenv, dial: dialer.DialContext, notify: signal.Notify, exit: os.Exit, serve: lambda.Start,
		ctx: context.Background(),
	})
	os.Exit(0)
}

func inProcess(p *lambdatest.Process) machine {
	return machine{getenv: p.Getenv, dial: p.Dial, notify: p.Notify, exit: p.Exit, serve: p.Serve, ctx: p.Context()}
}

func (m machine) extend(name, events string) { m.extendFor(20*time.Millisecond, name, events) }

// extendFor registers an extension that takes d after each event.
func (m machine) extendFor(d time.Duration, name, events string) {
	extend(m.ctx, dialAPI(m.getenv("AWS_LAMBDA_RUNTIME_API"), m.dial), name, events, sleeper(d))
}

func (m machine) ignoreSignals() { m.notify(make(chan os.Signal, 1), syscall.SIGTERM) }

// line is an event in a normal log. Neighbours of different parties may come in any order; empty: of no party, and
// nothing moves across it.
type line struct{ party, text string }

// normal renders a log without ids, times and names, neighbors sorted by party. On Managed Instances the runtime's
// next belongs to no phase, so it may come at any time and is left out.
func normal(env *lambdatest.Environment) []string {
	ids := map[string]int{"": 0}
	var lines []line
	start := 0 // of the lines that may still be sorted
	for _, e := range env.Log().Events() {
		if env.Config().ManagedInstances && e.Kind == lambdatest.KindRuntimeNext {
			continue
		}
		if _, known := ids[e.RequestID]; !known {
			ids[e.RequestID] = len(ids)
		}
		lines = append(lines, line{party(e), fmt.Sprintf("%s #%d %s %s %d", e.Kind, ids[e.RequestID], e.Who, detail(e), count(e))})
		if party(e) == "" {
			start = len(lines)
		}
		slices.SortStableFunc(lines[start:], func(a, b line) int { return strings.Compare(a.party, b.party) })
	}
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.text
	}
	return texts
}

// party is who does what e tells, if it does so independently of others.
func party(e eventlog.Event) string {
	switch e.Kind {
	case lambdatest.KindExtensionNext, lambdatest.KindExtensionRegistered:
		return "extension " + e.Who
	case lambdatest.KindInvokeReleased:
		return "INVOKE"
	case lambdatest.KindRuntimeNext, lambdatest.KindInvocationReleased, lambdatest.KindResponseBegun,
		lambdatest.KindResponsePosted, lambdatest.KindErrorPosted, lambdatest.KindCallerAnswered:
		return "runtime"
	}
	return ""
}

// detail leaves out the program's name.
func detail(e eventlog.Event) string {
	if e.Kind == lambdatest.KindProcessStart {
		return ""
	}
	return e.Detail
}

// count is an event's number, unless it depends on a stack trace's length.
func count(e eventlog.Event) int {
	if e.Kind == lambdatest.KindErrorPosted {
		return 0
	}
	return e.Count
}
