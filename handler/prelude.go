package handler

import (
	"bytes"
	"encoding/json"
	"sync/atomic"
)

// preludeType is the content type of a streamed HTTP response that begins with its status and headers: JSON, eight zero
// bytes, the body (AWS Lambda Developer Guide, "Response streaming"). events.LambdaFunctionURLStreamingResponse of
// aws-lambda-go, which lambdaurl.Wrap returns, is one.
const preludeType = "application/vnd.awslambda.http-integration-response"

const (
	preludeEnd = 8
	maxPrelude = 64 << 10 // bytes that are kept; a longer one counts as none
)

// prelude reads the status off a response during Read. Its fields belong to the reader's goroutine, except size.
type prelude struct {
	head []byte // so far
	zero int    // zero bytes that are still to come; 0 before the first
	over bool   // it has been read, or there is none
	size atomic.Int64
}

// pass reads the next bytes of the response, and returns the status when they complete the prelude.
func (p *prelude) pass(b []byte) (status int, ok bool) {
	if p.over {
		return 0, false
	}
	if p.zero == 0 {
		end := bytes.IndexByte(b, 0)
		if end < 0 {
			end = len(b)
		}
		if len(p.head)+end > maxPrelude {
			p.over, p.head = true, nil
			return 0, false
		}
		p.head = append(p.head, b[:end]...)
		if end == len(b) {
			return 0, false
		}
		b, p.zero = b[end:], preludeEnd
	}
	taken := min(p.zero, len(b))
	p.zero -= taken
	if p.zero > 0 {
		return 0, false
	}
	p.over = true
	p.size.Store(int64(len(p.head) + preludeEnd))
	return statusOf(p.head)
}

// statusOf reads the status of a prelude.
func statusOf(head []byte) (status int, ok bool) {
	var h struct {
		StatusCode int `json:"statusCode"`
	}
	if json.Unmarshal(head, &h) != nil || h.StatusCode < 100 || h.StatusCode > 999 {
		return 0, false
	}
	return h.StatusCode, true
}
