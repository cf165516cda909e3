package handler

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// maxResponse is the size above which the Runtime API may refuse a response with 413: 6 MB, unless it is streamed
// (AWS Lambda Developer Guide, "Lambda quotas").
const maxResponse = 6 << 20

// errUnread is the error of a streamed response that was not taken in full.
var errUnread = errors.New("response closed before its end was read")

// body is the reader that aws-lambda-go gets and closes right after the post. It has no exported field, so that
// aws-lambda-go, which encodes every result first, makes "{}" of it and posts it as a reader.
//
// net/http may still be in Read when Close is called, after an early answer: what both use is atomic, and the
// reader below is told of the Close while it reads, as it would be without us.
type body struct {
	inv      *invocation
	response responseReader

	prelude *prelude // nil where the response has none; these two are set before the first Read
	asked   bool     // for the content type

	size  atomic.Int64 // bytes read
	ended atomic.Bool  // Read has returned an error, io.EOF or another
	span  sync.Once    // ends the span of a streamed response
	close sync.Once    // tells the tracker
}

// take takes over the rest of the invocation. The span of a result that is encoded ends here, that of a streamed
// response with the stream.
func (b *body) take(inv *invocation, r responseReader) {
	b.inv, b.response = inv, r
	if !r.streamed {
		inv.endSpan()
	}
}

// ContentType returns the response's, or what aws-lambda-go takes for a reader that has none. aws-lambda-go asks before it
// reads.
func (b *body) ContentType() string {
	b.asked = true
	r, ok := b.response.Reader.(interface{ ContentType() string })
	if !ok {
		return "application/octet-stream"
	}
	contentType := r.ContentType()
	if contentType == preludeType && b.prelude == nil {
		b.prelude = new(prelude)
	}
	return contentType
}

// Read reads the response. An error other than io.EOF goes on unchanged: aws-lambda-go reports it in the trailers.
func (b *body) Read(p []byte) (int, error) {
	returned := false
	defer b.inv.onPanic(&returned)
	defer func() {
		if !returned {
			b.recordSize()
		}
	}()
	if !b.asked {
		b.ContentType()
	}
	n, err := b.response.Read(p)
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

// Close closes the response, where it can be, and ends the invocation. It returns at once where the response was
// surely posted and the tracker holds the environment. Otherwise it waits for the flush: aws-lambda-go closes a
// response that was refused (413, 410, a broken connection) just the same, and then ends the process.
//
// It was surely refused where it was not taken in full, and where it is an encoded result that is too large. A streamed
// response may be larger (AWS Lambda Developer Guide, "Response streaming"), and one that comes at the deadline may
// make it: then nothing tells.
func (b *body) Close() error {
	whole := b.ended.Load()
	b.endSpan(errUnread)
	accepted, last := false, true // as it is where the response's Close panics
	defer func() { b.close.Do(func() { b.inv.close(accepted, last) }) }()
	var err error
	if c, ok := b.response.Reader.(io.Closer); ok {
		err = c.Close()
	}
	large := b.size.Load() > maxResponse
	accepted, last = whole && !large && !b.inv.pastDeadline(), !whole || large && !b.response.streamed
	return err
}

// endSpan ends the span of a streamed response; the first error counts.
func (b *body) endSpan(err error) {
	if !b.response.streamed {
		return
	}
	b.span.Do(func() {
		b.recordSize()
		if !errors.Is(err, io.EOF) {
			b.inv.recordError(err)
		}
		b.inv.endSpan()
	})
}

// recordSize records how much of a streamed response was read; of an HTTP response's body, where it says what that is.
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
