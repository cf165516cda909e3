package integration

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/agent"
	"github.com/epilogue-go/epilogue/internal/memnet"
	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/awslambda"
)

const (
	quietCalls = 1000
	quietChild = 100 // of them, with a real child
	quietMain  = "quiet"
	quietFor   = time.Minute // between two lines of a kind
	quietKinds = 3           // of lines that one trouble may bring
)

// init adds the function of this file, which says nothing of its own: whatever it writes is epilogue's.
func init() {
	mains[quietMain] = func(m machine) {
		ctx := context.Background()
		tel, err := otelx.New(ctx, append(m.telemetry, awslambda.Defaults())...)
		if err != nil {
			fmt.Fprintln(m.stderr, "telemetry:", err)
		}
		ag := agent.Start(ctx, tel, m.agent...)
		handle := crowd{&function{machine: m, tracer: tel.TracerProvider().Tracer("function")}}.handle
		m.serve(m.wrap(handle, ag, tel))
	}
}

// trouble is something that goes wrong with every invocation.
type trouble struct {
	name  string
	fault func(call int) otlpreceiver.Fault // of the collector during a call
	env   []string
	says  string // what one line at least has to say
	exit  string // what the last line has to say
}

// always is the same trouble with every call.
func always(f otlpreceiver.Fault) func(int) otlpreceiver.Fault {
	return func(int) otlpreceiver.Fault { return f }
}

var troubles = []trouble{
	{name: "hangs", fault: always(hanging), says: "agent: flush failed", exit: "but not everything was delivered"},
	{name: "refuses with 503", fault: always(refusing), says: "503", exit: "but not everything was delivered"},
	{
		name: "refuses for good", says: "no tenant", exit: "not everything was delivered",
		fault: func(call int) otlpreceiver.Fault { // the words differ each time
			return otlpreceiver.Fault{Status: http.StatusBadRequest, Message: fmt.Sprintf("no tenant for %x", call)}
		},
	},
	{
		name: "rejects spans", says: "too old", exit: "not everything was delivered",
		fault: func(call int) otlpreceiver.Fault {
			return otlpreceiver.Fault{Rejected: int64(1 + call%3), Message: fmt.Sprintf("span %x too old", call)}
		},
	},
	{
		name: "warns", says: "soon", exit: "graceful shutdown completed",
		fault: func(call int) otlpreceiver.Fault {
			return otlpreceiver.Fault{Message: fmt.Sprintf("quota ends soon: %x left", quietCalls-call)}
		},
	},
	{
		name: "overflows", fault: always(refusing), env: []string{"OTEL_BSP_MAX_QUEUE_SIZE=64"},
		says: "dropped", exit: "not everything was delivered",
	},
	{
		name: "answers with nonsense", fault: always(otlpreceiver.Fault{Malformed: true}),
		says: "malformed", exit: "graceful shutdown completed",
	},
}

// lines are what a process has written to its stderr, with the time of each line's end. OpenTelemetry's error handler
// writes to it where the process is in memory.
type lines struct {
	mu      sync.Mutex
	partial []byte
	all     []line
}

type line struct {
	at   time.Time
	text string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, b...)
	for {
		text, rest, whole := bytes.Cut(l.partial, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		l.all = append(l.all, line{time.Now(), string(text)})
		l.partial = rest
	}
}

// Handle implements otel.ErrorHandler as the default one does.
func (l *lines) Handle(err error) { fmt.Fprintln(l, err) }

// During an outage of 1,000 invocations, of whatever sort, a function writes a line a minute for each kind of trouble, and
// at its end how much was lost.
func TestQuiet(t *testing.T) {
	for _, tr := range troubles {
		t.Run(tr.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said := new(lines)
				otelerr.Handle(t, said.Handle) // not parallel to other tests: there is one handler
				network := new(memnet.Network)
				listener, err := network.Listen(collectorAddress)
				if err != nil {
					t.Fatal(err)
				}
				program := lambdatest.Func(func(p *lambdatest.Process) { mains[quietMain](emulated(p)) })
				tr.drive(t, quietCalls, listener, lambdatest.Config{Network: network, Stderr: said}, program)
				said.judge(t, tr)
			})
		})
	}
}

// A real process writes no more than that.
func TestQuietWithAChild(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range troubles[1:4] {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			said := new(lines)
			config := lambdatest.Config{Stderr: said, ShutdownWindow: childWindow, Env: []string{
				childMain + "=" + quietMain, "EPILOGUE_FLUSH_TIMEOUT=20ms", "EPILOGUE_HANDLER_START_WAIT=" + childGrace.String(),
				"GORACE=atexit_sleep_ms=0",
			}}
			tr.drive(t, quietChild, listener, config, lambdatest.Command(binary))
			said.judge(t, tr)
		})
	}
}

// drive makes calls in a function whose collector is in trouble, and ends it.
func (tr trouble) drive(t *testing.T, calls int, l net.Listener, c lambdatest.Config, p lambdatest.Program) {
	t.Helper()
	receiver := otlpreceiver.New(otlpreceiver.Config{})
	if err := receiver.Serve(l); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = receiver.Close() }()
	c.Env = append(c.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.Endpoint())
	c.Env = append(c.Env, tr.env...)
	env, err := lambdatest.New(c, p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = env.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	for i := range calls {
		receiver.SetFault(tr.fault(i))
		if c.Network != nil { // time is virtual: an outage of a quarter of an hour
			time.Sleep(time.Second)
		}
		call := lambdatest.Invocation{RequestID: strconv.Itoa(i), Payload: []byte(`{"spans":3}`)}
		if r, err := env.Invoke(ctx, call); err != nil || r.ErrorType != "" {
			t.Fatalf("call %d: %v %s", i, err, r.ErrorType)
		}
		if err := env.WaitIdle(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if exit, err := env.Shutdown(ctx); err != nil || exit.Code != 0 {
		t.Errorf("Shutdown: %+v, %v", exit, err)
	}
}

// judge looks for lines that come too often, and for those that have to be there.
func (l *lines) judge(t *testing.T, tr trouble) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	last, found := map[string]time.Time{}, false
	end, again := 0, 0
	for i, line := range l.all {
		if strings.Contains(line.text, "SIGTERM received") {
			end = i
			break
		}
		k := kindOf(line.text)
		if at, before := last[k]; before && line.at.Sub(at) < quietFor {
			again++
			if again <= 3 {
				t.Logf("said again after %s: %s", line.at.Sub(at), line.text)
			}
		}
		last[k] = line.at
		found = found || strings.Contains(line.text, tr.says)
	}
	if again > 0 {
		t.Errorf("%d lines came within a minute of their like", again)
	}
	if !found {
		t.Errorf("no line says %q", tr.says)
	}
	if len(last) > quietKinds {
		t.Errorf("%d kinds of lines: %q", len(last), last)
	}
	if end == 0 || len(l.all) != end+2 || !strings.Contains(l.all[end+1].text, tr.exit) {
		t.Errorf("the end is not one line after the signal's that says %q", tr.exit)
	} else if err := addsUp(l.all[end+1].text); err != nil {
		t.Errorf("%v: %s", err, l.all[end+1].text)
	}
	t.Logf("%d lines of %d kinds in %s", len(l.all), len(last)+2, l.all[len(l.all)-1].at.Sub(l.all[0].at).Round(time.Second))
}

var (
	message = regexp.MustCompile(`msg="([^"]*)"|(agent: [a-z ]+)`)
	counts  = regexp.MustCompile(`traces\.(\w+)=(\d+)`)
	digits  = regexp.MustCompile(`\d+`)
)

// kindOf is a line without what varies in it: the message of a log line, or an error up to its first colon without its
// numbers.
func kindOf(text string) string {
	if m := message.FindStringSubmatch(text); m != nil {
		return m[1] + m[2]
	}
	text, _, _ = strings.Cut(text, ":")
	return digits.ReplaceAllString(text, "#")
}

// addsUp compares the counts of the last line.
func addsUp(text string) error {
	n := map[string]int{}
	for _, m := range counts.FindAllStringSubmatch(text, -1) {
		n[m[1]], _ = strconv.Atoi(m[2])
	}
	if n["ended"] == 0 || n["ended"] != n["exported"]+n["pending"]+n["dropped"] {
		return fmt.Errorf("the counts %v do not add up", n)
	}
	return nil
}

// What judge takes for too often is what it is told of.
func TestQuietCanFail(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"the backend rejected 3 of 17 spans: \"a\"", "the backend rejected 1 of 2 spans: \"b\"", true},
		{`time=x level=WARN msg="agent: flush failed" error=1`, `time=y level=WARN msg="agent: flush failed" error=2`, true},
		{"2026/11/22 23:00:00 WARN agent: flush failed error=\"x\"", "2026/11/22 23:00:01 WARN agent: flush failed error=\"y\"", true},
		{"export spans: 503", "3 spans dropped: the buffer was full", false},
	} {
		if got := kindOf(c.a) == kindOf(c.b); got != c.same {
			t.Errorf("%q and %q: one kind %v, want %v", c.a, c.b, got, c.same)
		}
	}
}
