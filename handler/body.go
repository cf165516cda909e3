package handler

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// maxResponse is the size above which the Runtime API may refuse a response with 413, unless it is streamed: 6,291,556
// bytes, as its refusals say. That is the documented limit of 6 MB (AWS Lambda Developer Guide, "Lambda quotas") and
// 100 bytes.
const maxResponse = 6<<20 + 100

// errUnread is the error of a streamed response that was not read to its end.
var errUnread = errors.New("response closed before its end was read")

// body is an invocation with the reader that aws-lambda-go gets, and closes right after the post. It has no exported
// field: aws-lambda-go first encodes every result, gets "{}", and then posts the reader.
//
// After an early answer net/http may still be in Read when Close is called. So the fields that both use are atomic, and
// Close reaches the wrapped reader during its Read, as without this type.
type body struct {
	inv     invocation
	stream  io.Reader  // the user's own reader; nil if the result was encoded
	encoded jsonReader // the encoded result

	contentType string
	prelude     *prelude // nil if the response has none

	size  atomic.Int64 // bytes read
	ended atomic.Bool  // Read has returned an error, io.EOF or another
	span  sync.Once    // ends the span of a streamed response
	close sync.Once    // calls the tracker
}

// reader returns the reader of the response.
func (b *body) reader() io.Reader {
	if b.stream != nil {
		return b.stream
	}
	return &b.encoded
}

// readContentType sets the content type of the response, or the one that aws-lambda-go assumes for a reader without
// one.
func (b *body) readContentType() {
	b.contentType = "application/octet-stream"
	if r, ok := b.reader().(interface{ ContentType() string }); ok {
		b.contentType = r.ContentType()
	}
	if b.contentType == preludeType {
		b.prelude = new(prelude)
	}
}

// ContentType is called by aws-lambda-go.
func (b *body) ContentType() string { return b.contentType }

// Read reads the response. It returns an error other than io.EOF unchanged: aws-lambda-go reports it in the trailers.
func (b *body) Read(p []byte) (int, error) {
	returned := false
	defer b.inv.onPanic(&returned)
	defer func() {
		if !returned {
			b.recordSize()
		}
	}()
	n, err := b.reader().Read(p)
	returned = true
	b.size.Add(int64(n))
	if b.prelude != nil {
		if status, ok := b.prelude.pass(p[:n]); ok {
			b.inv.recordStatus(status)
		}
	}
	if err != nil {
		b.ended.Store(true)
		b.endSpan(err)
	}
	return n, err
}

// Close closes the response, if it can be closed, and ends the invocation. aws-lambda-go also closes a response that
// Lambda has refused, and then exits. Close does not learn of the answer. It waits for a flush if a refusal is certain
// or possible:
//
//   - Lambda refuses an encoded result that is too large (413), and a response that was not read to its end.
//   - It may refuse a response after the deadline (410). A stream may be larger (AWS Lambda Developer Guide, "Response
//     streaming").
//
// Otherwise Close returns immediately if something flushes after End. A refusal for another reason (400, 403, 500) is
// not noticed: the process may exit during that flush.
func (b *body) Close() error {
	whole := b.ended.Load()
	b.endSpan(errUnread)
	mayBeRefused, exits := true, true // the values if the response's Close panics
	defer func() { b.close.Do(func() { b.inv.close(mayBeRefused, exits) }) }()
	var err error
	if c, ok := b.stream.(io.Closer); ok {
		err = c.Close()
	}
	large := b.size.Load() > maxResponse
	mayBeRefused, exits = !whole || large || b.inv.pastDeadline(), !whole || large && b.stream == nil
	return err
}

// endSpan ends the span of a streamed response; the first error counts.
func (b *body) endSpan(err error) {
	if b.stream == nil {
		return
	}
	b.span.Do(func() {
		b.recordSize()
		if err != io.EOF { //nolint:errorlint // as aws-lambda-go; the methods of the reader's own errors may panic
			b.inv.record(failureOf(err))
		}
		b.inv.endSpan()
	})
}

// recordSize records the number of bytes that were read of a streamed response, without the prelude of an HTTP
// response.
func (b *body) recordSize() {
	size, key := b.size.Load(), responseSize
	if b.prelude != nil {
		size -= b.prelude.size.Load()
	}
	if b.prelude != nil || b.inv.http {
		key = semconv.HTTPResponseBodySizeKey
	}
	b.inv.protect(func() { b.inv.span.SetAttributes(key.Int64(size)) })
}
