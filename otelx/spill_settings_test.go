package otelx_test

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/otelx"
)

// stderr replaces the process's standard error during call, and returns the text written to it.
func stderr(t *testing.T, call func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = w
	call()
	os.Stderr = before
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The option wins over the variable, which wins over Fallback.
func TestSpillSettings(t *testing.T) {
	const bad = `EPILOGUE_SPILL="stdout": unknown (write none or stderr)`
	for _, c := range []struct {
		value            string
		option, fallback bool
		want             string // where the span goes
		err              string
	}{
		{value: ""},
		{value: "none"},
		{value: "stderr", want: "stderr"},
		{value: "STDERR", want: "stderr"},
		{value: "stdout", err: bad},
		{value: "none", option: true, want: "option"},
		{value: "stderr", option: true, want: "option"},
		{value: "", fallback: true, want: "fallback"},
		{value: "stdout", fallback: true, want: "fallback", err: bad},
		{value: "none", fallback: true},
		{value: "stderr", fallback: true, want: "stderr"},
		{value: "", option: true, fallback: true, want: "option"},
	} {
		option, fallback := new(pages), new(pages)
		opts := []otelx.Option{environ("EPILOGUE_SPILL=" + c.value), otelx.WithExporter(nullExporter{}), otelx.WithSpill(nil)}
		if c.option {
			opts = append(opts, otelx.WithSpill(option))
		}
		if c.fallback {
			opts = append(opts, otelx.Fallback(otelx.WithSpill(fallback)))
		}
		var places []string
		text := stderr(t, func() {
			s, err := newSDK(t, opts...)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%+v: New: %v", c, err)
			}
			span(s, "a")
			if n := s.SpillPending(t.Context()); (n == 1) != (c.want != "") {
				t.Errorf("%+v: %d spans spilled", c, n)
			}
		})
		for name, lines := range map[string]int{"option": len(option.lines), "fallback": len(fallback.lines), "stderr": len(text)} {
			if lines > 0 {
				places = append(places, name)
			}
		}
		if got := strings.Join(places, ","); got != c.want {
			t.Errorf("%+v: spilled to %q", c, got)
		}
	}
}

func TestSpillMaxBytes(t *testing.T) {
	const standard = 1 << 20
	for value, want := range map[string]int{"": standard, "300000": 300_000, "0": standard, "1MB": standard} {
		p := new(pages)
		s, err := newSDK(t, environ("EPILOGUE_SPILL_MAX_BYTES="+value), otelx.WithSpill(p), otelx.WithExporter(nullExporter{}))
		if bad := value == "0" || value == "1MB"; bad != (err != nil) {
			t.Errorf("EPILOGUE_SPILL_MAX_BYTES=%q: %v", value, err)
		}
		s.SetBackgroundExport(false)
		f := &fixture{T: t, sdk: s}
		for range 900 {
			f.endLarge(2)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		s.SpillPending(ctx)
		cancel()
		total := 0
		for _, line := range p.lines {
			total += len(line)
		}
		if total > want || total < want*97/100 {
			t.Errorf("EPILOGUE_SPILL_MAX_BYTES=%q: %d bytes, want %d", value, total, want)
		}
	}
}

// Without a destination for spans there is nothing to spill.
func TestSpillOfADisabledSDK(t *testing.T) {
	for _, v := range []string{"OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=none"} {
		s, _ := newSDK(t, environ(v), otelx.WithSpill(new(pages)))
		span(s, "a")
		if n := s.SpillPending(t.Context()); n != 0 {
			t.Errorf("%s: %d spans spilled", v, n)
		}
	}
}
