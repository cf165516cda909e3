package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/replay"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// lostLine is a line of spilled spans with one span of that number.
func lostLine(n int) string {
	return fmt.Sprintf(`{"resourceSpans":[{"resource":{},"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","name":"s%d",`+
		`"startTimeUnixNano":"1795348800123456789","endTimeUnixNano":"1795348800141456789","status":{}}]}]}]}`, n/2+1, n+1, n)
}

// collectorFor starts a receiver and points the command at it.
func collectorFor(t *testing.T) *otlpreceiver.Receiver {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := otlpreceiver.New(otlpreceiver.Config{})
	if err := r.Serve(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.Endpoint())
	return r
}

func lostFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestReplay: the spans of files and of standard input are sent once and counted.
func TestReplay(t *testing.T) {
	r := collectorFor(t)
	one := lostFile(t, "START\n"+lostLine(0)+"\n"+lostLine(1)+"\n")
	two := lostFile(t, "2026-11-22T12:00:00.000Z "+lostLine(2)+"\n"+lostLine(1)+"\n")
	code, out, errs := invoke(t, "", "replay", one, two)
	if code != exitOK || errs != "" {
		t.Fatalf("status %d, errors %q", code, errs)
	}
	contains(t, out, `^lines: 4 with telemetry, 1 without$`, `^spans: 4 found, 1 of them copies; 3 sent$`, `^endpoint: http://127.0.0.1:\d+/v1/traces$`)
	code, out, errs = invoke(t, lostLine(3)+"\n", "replay", "-endpoint", r.Endpoint()+"/v1/traces")
	if code != exitOK || errs != "" {
		t.Fatalf("standard input: status %d, errors %q", code, errs)
	}
	contains(t, out, `^lines: 1 with telemetry, 0 without$`, `^spans: 1 found; 1 sent$`)
	if n := len(r.Spans()); n != 4 || r.Duplicates() != 0 {
		t.Errorf("%d spans arrived, %d twice, want 4", n, r.Duplicates())
	}
}

func TestReplayDryRun(t *testing.T) {
	r := collectorFor(t)
	code, out, errs := invoke(t, lostLine(0)+"\n"+lostLine(1)+"\n"+lostLine(1)+"\nEND\n"+lostLine(2)+"\n", "replay", "-dry-run")
	if code != exitOK || errs != "" || len(r.Requests()) != 0 {
		t.Fatalf("status %d, errors %q, %d requests", code, errs, len(r.Requests()))
	}
	contains(t, out, `^lines: 4 with telemetry, 1 without$`, `^trace 0{31}1  2 spans$`, `^trace 0{31}2  1 span$`,
		`^spans: 4 found, 1 of them copies, in 2 traces; nothing was sent$`)
}

// TestReplayFails: undelivered spans are an error.
func TestReplayFails(t *testing.T) {
	r := collectorFor(t)
	for _, c := range []struct {
		fault otlpreceiver.Fault
		stdin string
		args  string
		code  int
		out   string
		errs  string
	}{
		{
			otlpreceiver.Fault{Status: http.StatusServiceUnavailable},
			lostLine(0), "replay -patience 0s", exitFailed,
			"spans: 1 found; 0 sent, 1 not sent", "epilogue: 1 of 1 span not taken: send to http://127.0.0.1:",
		},
		{
			otlpreceiver.Fault{},
			lostLine(0) + "\n" + lostLine(1)[:80] + "\n", "replay", exitFailed,
			"lines: 2 with telemetry, 0 without, 1 document cut off or damaged\nspans: 1 found; 1 sent", "epilogue: 1 document cut off or damaged; a log cuts",
		},
		{otlpreceiver.Fault{}, "", "replay /does/not/exist", exitUsage, "", "epilogue: /does/not/exist: no such file or directory"},
		{otlpreceiver.Fault{}, "", "replay -endpoint collector:4318", exitUsage, "", "write http://collector:4318"},
		{otlpreceiver.Fault{}, "", "replay -patience soon", exitUsage, "", "want a duration from 0s to 1h"},
	} {
		r.SetFault(c.fault)
		code, out, errs := invoke(t, c.stdin, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) {
			t.Errorf("%s: status %d, errors %q, output:\n%s", c.args, code, errs, out)
		}
	}
}

// endless is a log without an end.
type endless struct{ ctx context.Context }

func (r endless) Read([]byte) (int, error) {
	<-r.ctx.Done()
	return 0, context.Cause(r.ctx)
}

// TestReplayInterrupted: Ctrl-C ends the wait for standard input, and the spans found so far are counted.
func TestReplayInterrupted(t *testing.T) {
	hold, release := context.WithCancel(t.Context())
	defer release()
	ctx, cancel := context.WithCancelCause(t.Context())
	stdin := io.MultiReader(strings.NewReader(lostLine(0)+"\n"), readerFunc(func() { cancel(cli.ErrInterrupted) }), endless{hold})
	var out strings.Builder
	err := replay.Command(ctx, nil, cli.Console{In: stdin, Out: &out, Err: &out})
	if !errors.Is(err, cli.ErrInterrupted) {
		t.Errorf("error %v", err)
	}
	contains(t, out.String(), `^lines: 1 with telemetry, 0 without$`, `^spans: 1 found; 0 sent, 1 not sent$`)
}

// readerFunc calls a function and then ends.
type readerFunc func()

func (f readerFunc) Read([]byte) (int, error) { f(); return 0, io.EOF }

// TestReplayGoesOn: an unreadable file does not prevent the others from being sent.
func TestReplayGoesOn(t *testing.T) {
	r := collectorFor(t)
	damaged := lostFile(t, "\x1f\x8bno gzip")
	code, out, errs := invoke(t, "", "replay", lostFile(t, lostLine(0)+"\n"), damaged, "/does/not/exist", lostFile(t, lostLine(1)+"\n"))
	if code != exitUsage || len(r.Spans()) != 2 {
		t.Errorf("status %d, %d spans arrived", code, len(r.Spans()))
	}
	contains(t, out, `^spans: 2 found; 2 sent$`)
	contains(t, errs, `^epilogue: read `+damaged+`: decompress: `, `^/does/not/exist: no such file or directory$`)
}

// TestReplaySaysThatItWaits: the command says once why it waits for a busy endpoint, without credentials.
func TestReplaySaysThatItWaits(t *testing.T) {
	r := collectorFor(t)
	r.FailNext(otlpreceiver.Fault{Status: http.StatusServiceUnavailable}, otlpreceiver.Fault{Status: http.StatusTooManyRequests})
	endpoint := strings.Replace(r.Endpoint(), "://", "://me:hidden@", 1) + "/v1/traces?key=hidden"
	code, out, errs := invoke(t, lostLine(0), "replay", "-endpoint", endpoint)
	if code != exitOK || strings.Count(errs, "\n") != 1 {
		t.Errorf("status %d, errors:\n%s", code, errs)
	}
	contains(t, errs, `^epilogue: send to http://127.0.0.1:\d+/v1/traces: 503 Service Unavailable.*; retrying for 1m0s at most$`)
	contains(t, out, `^spans: 1 found; 1 sent$`, `^endpoint: http://127.0.0.1:\d+/v1/traces$`)
	if strings.Contains(out+errs, "hidden") {
		t.Errorf("a credential is shown:\n%s%s", out, errs)
	}
}
