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
func respond(t *testing.T, j *recorder, r io.Reader) io.ReadCloser {
	t.Helper()
	ctx, cancel := invocationContext(t)
	t.Cleanup(cancel)
	out, err := handler.Wrap(result(r, nil), j.options(true)...).(readerFunc)(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return out.(io.ReadCloser)
}

// TestCloseEndsARead has a Close during a Read, as net/http makes it after an early answer. It reaches the user's reader,
// which ends the read, as without Wrap.
func TestCloseEndsARead(t *testing.T) {
	j := newRecorder()
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
	j.want(t, "Attach", "Begin r1", "span ended", "FlushBeforeExit r1", "End r1")
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

func TestReadCallsNoMethodOfItsError(t *testing.T) {
	j := newRecorder()
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

func TestSecondCloseReachesTheReaderAndEndsNothing(t *testing.T) {
	j := newRecorder()
	r := &countingCloser{reader: strings.NewReader("x")}
	body := respond(t, j, r)
	_, _ = io.ReadAll(body)
	_, _ = body.Close(), body.Close()
	j.want(t, "Attach", "Begin r1", "span ended", "End r1")
	if r.closed != 2 {
		t.Errorf("the user's reader was closed %d times, want 2", r.closed)
	}
}

type countingCloser struct {
	reader
	closed int
}

func (c *countingCloser) Close() error { c.closed++; return nil }
