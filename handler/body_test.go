package handler_test

import (
	"io"
	"net/url"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"

	"github.com/epilogue-go/epilogue/handler"
)

// respond returns the response reader of a function that returns r.
func respond(t *testing.T, j *journal, r io.Reader) io.ReadCloser {
	t.Helper()
	ctx, cancel := invocationContext(t)
	t.Cleanup(cancel)
	out, err := handler.Wrap(result(r, nil), j.options(true)...).(readerFunc)(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return out.(io.ReadCloser)
}

// TestCloseWhileReading: after an early answer net/http may still be in Read when the response is closed. Closing
// must reach the user's reader, which ends the read, as it would without Wrap.
func TestCloseWhileReading(t *testing.T) {
	j := newJournal()
	pr, pw := io.Pipe()
	body := respond(t, j, pr)
	reading, read := make(chan struct{}), make(chan error)
	go func() {
		buf := make([]byte, 10)
		_, _ = body.Read(buf)
		close(reading)
		_, err := body.Read(buf)
		read <- err
	}()
	_, _ = pw.Write([]byte("part"))
	<-reading
	if err := body.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-read; err == nil {
		t.Error("the read went on after the close")
	}
	j.want(t, "attach", "begin r1", "span ended", "exit flush r1", "end r1")
	if s := j.span(t).Status(); s.Code != codes.Error {
		t.Errorf("status %v of a response that was not read, want an error", s)
	}
}

// nilErrorReader fails with a typed nil pointer, whose methods panic.
type nilErrorReader struct{}

func (nilErrorReader) Read([]byte) (int, error) {
	var err *url.Error
	return 0, err
}

// TestReaderThatFailsWithATypedNil asserts that Read looks into no error of the user's reader, as aws-lambda-go does not.
func TestReaderThatFailsWithATypedNil(t *testing.T) {
	j := newJournal()
	body := respond(t, j, nilErrorReader{})
	if _, err := body.Read(nil); err != (*url.Error)(nil) { //nolint:errorlint // its methods panic
		t.Errorf("error %T, want the reader's own", err)
	}
	if err := body.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if s := j.span(t).Status(); s.Code != codes.Error {
		t.Errorf("status %v, want an error", s)
	}
}

// TestCloseTwice: the invocation ends once; the user's reader gets every Close.
func TestCloseTwice(t *testing.T) {
	j := newJournal()
	r := &countingCloser{reader: strings.NewReader("x")}
	body := respond(t, j, r)
	_, _ = io.ReadAll(body)
	_, _ = body.Close(), body.Close()
	j.want(t, "attach", "begin r1", "span ended", "end r1")
	if r.closed != 2 {
		t.Errorf("the user's reader was closed %d times, want 2", r.closed)
	}
}

type countingCloser struct {
	reader
	closed int
}

func (c *countingCloser) Close() error { c.closed++; return nil }

// TestPanicInReader: net/http or aws-lambda-go would end the process, so the flush comes first.
func TestPanicInReader(t *testing.T) {
	tests := []struct {
		name string
		r    io.Reader
		call func(io.ReadCloser)
		want []string
	}{
		{
			"read",
			panickingReader{},
			func(r io.ReadCloser) { _, _ = r.Read(nil) },
			[]string{"end open spans of r1: in Read", "span ended", "exit flush r1"},
		},
		{
			"close",
			panickingCloser{strings.NewReader("x")},
			func(r io.ReadCloser) { _, _ = io.ReadAll(r); _ = r.Close() },
			[]string{"span ended", "exit flush r1", "end r1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := newJournal()
			body := respond(t, j, tt.r)
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic did not go on")
					}
				}()
				tt.call(body)
			}()
			j.want(t, append([]string{"attach", "begin r1"}, tt.want...)...)
		})
	}
}

// TestContentType: a reader that has none gets what aws-lambda-go sends for it.
func TestContentType(t *testing.T) {
	for want, r := range map[string]io.Reader{
		"application/octet-stream": strings.NewReader("x"),
		"text/html; charset=utf-8": &typedReader{r: strings.NewReader("x")},
		"application/json":         nil,
	} {
		body := respond(t, newJournal(), r)
		if got := body.(interface{ ContentType() string }).ContentType(); got != want {
			t.Errorf("content type of %T: %q, want %q", r, got, want)
		}
		_ = body.Close()
	}
}
