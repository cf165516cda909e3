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

var preludeEnd = make([]byte, 8)

// maxPrelude is the number of bytes that are kept; a longer prelude counts as none.
const maxPrelude = 64 << 10

// prelude reads the status off a response during Read. Its fields belong to the reader's goroutine, except size.
type prelude struct {
	head []byte // so far
	over bool   // it has been read, or there is none
	size atomic.Int64
}

// pass reads the next bytes of the response, and returns the status when they complete the prelude.
func (p *prelude) pass(b []byte) (status int, ok bool) {
	if p.over {
		return 0, false
	}
	before := max(0, len(p.head)-len(preludeEnd)) // has no end
	p.head = append(p.head, b[:min(len(b), maxPrelude-len(p.head))]...)
	end := bytes.Index(p.head[before:], preludeEnd)
	if end < 0 {
		p.over = len(p.head) == maxPrelude
		return 0, false
	}
	p.over = true
	head := p.head[:before+end]
	p.size.Store(int64(len(head) + len(preludeEnd)))
	var h struct {
		StatusCode int `json:"statusCode"`
	}
	if json.Unmarshal(head, &h) != nil || h.StatusCode < 100 || h.StatusCode > 999 {
		return 0, false
	}
	return h.StatusCode, true
}
