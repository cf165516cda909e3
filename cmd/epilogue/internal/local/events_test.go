package local

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/cli"
)

func TestReadEvents(t *testing.T) {
	file := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(file, []byte(`{"rawPath":"/orders","requestContext":{"http":{"method":"POST"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		names []string
		stdin string
		title string
	}{
		{nil, "", "{}"},
		{[]string{file}, "", "POST /orders"},
		{[]string{"-"}, `"any JSON"`, "standard input"},
		{[]string{"-"}, "null", "standard input"},
		{[]string{"-"}, " 1 ", "standard input"},
	} {
		events, err := readEvents(c.names, strings.NewReader(c.stdin))
		if err != nil || len(events) != 1 || events[0].Title != c.title {
			t.Errorf("%v: got %v, %v; want the title %q", c.names, events, err, c.title)
		}
	}
}

func TestCtrlCEndsTheWaitForAnEvent(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	r, w := io.Pipe()
	defer func() { _ = w.Close() }() // ends the reading
	time.AfterFunc(10*time.Millisecond, func() { cancel(cli.ErrInterrupted) })
	if _, err := AwaitEvents(ctx, []string{"-"}, r); !errors.Is(err, cli.ErrInterrupted) {
		t.Errorf("got %v, want %v", err, cli.ErrInterrupted)
	}
	events, err := AwaitEvents(t.Context(), []string{"-"}, strings.NewReader("{}"))
	if err != nil || len(events) != 1 {
		t.Errorf("got %v, %v", events, err)
	}
}

func TestCheckEvent(t *testing.T) {
	for _, c := range []struct{ payload, want string }{
		{"{}", ""},
		{"", "not JSON, which Lambda refuses: line 1: unexpected end of JSON input"},
		{"{\n\n  a}", "line 3: invalid character 'a'"},
		{"{} {}", "line 1: invalid character '{' after top-level value"},
		{`"` + strings.Repeat("a", maxEvent) + `"`, "more than 6291456 bytes, which Lambda refuses with 413"},
	} {
		err := checkEvent([]byte(c.payload))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: got %v, want %q", c.payload, err, c.want)
		}
	}
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"rawPath":"/orders","requestContext":{"http":{"method":"POST"}}}`))
	f.Add([]byte("{\n x"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		_ = checkEvent(payload)
		if describe("title", payload) == "" {
			t.Error("no title")
		}
	})
}
