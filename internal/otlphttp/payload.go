package otlphttp

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"sync"
)

// smallBody is how many bytes of a body fit into net/http's write buffer with the headers.
const smallBody = 4 << 10

// payload is the body of one attempt. net/http may read a request's body after it has returned the response or an
// error, and reads it again to replay the request. release ends that, so that the caller can use the memory again.
type payload struct {
	mu   sync.Mutex // held while bytes are copied out of data
	data []byte     // nil once released
}

// attach makes p the body of req. net/http sends the headers in a packet of their own unless the body is a reader that
// it knows to be in memory. So a small body is copied into such a reader.
func (p *payload) attach(req *http.Request) {
	req.ContentLength = int64(len(p.data))
	switch {
	case len(p.data) == 0:
		req.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
	case len(p.data) <= smallBody:
		data := bytes.Clone(p.data)
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	default:
		req.GetBody = func() (io.ReadCloser, error) { return &payloadReader{payload: p}, nil }
	}
	req.Body, _ = req.GetBody()
}

// release waits for a Read under way. No Read touches the bytes after that.
func (p *payload) release() {
	p.mu.Lock()
	p.data = nil
	p.mu.Unlock()
}

// payloadReader reads a payload from its beginning. One goroutine of net/http owns it at a time.
type payloadReader struct {
	payload *payload
	offset  int
}

func (r *payloadReader) Read(b []byte) (int, error) {
	r.payload.mu.Lock()
	defer r.payload.mu.Unlock()
	if r.payload.data == nil {
		return 0, io.ErrClosedPipe
	}
	if r.offset == len(r.payload.data) {
		return 0, io.EOF
	}
	n := copy(b, r.payload.data[r.offset:])
	r.offset += n
	return n, nil
}

func (r *payloadReader) Close() error { return nil }

// compressor is a gzip writer with its buffer. A new one allocates most of a megabyte, so they are pooled.
type compressor struct {
	buf bytes.Buffer
	zip *gzip.Writer
}

func newCompressor() any {
	c := new(compressor)
	c.zip, _ = gzip.NewWriterLevel(&c.buf, gzip.BestSpeed) // an error means an unknown level
	return c
}

// compress returns body compressed; the result is valid until the next call.
func (c *compressor) compress(body []byte) []byte {
	c.buf.Reset()
	c.zip.Reset(&c.buf)
	_, _ = c.zip.Write(body) // a bytes.Buffer does not fail
	_ = c.zip.Close()
	return c.buf.Bytes()
}
