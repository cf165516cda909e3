package otlpreceiver

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

// refuse is the answer that keeps nothing, with a google.rpc.Status as OTLP requires.
func (x *exchange) refuse(status int, message string) answer {
	a := answer{status: status, outcome: fmt.Sprintf("refused with %d", status), headers: x.headers()}
	if message != "" {
		a.outcome += ": " + message
	}
	if x.fault.RetryAfter != "" {
		a.headers["Retry-After"] = x.fault.RetryAfter
	}
	if x.fault.Location != "" {
		a.headers["Location"] = x.fault.Location
	}
	if x.isJSON() {
		a.body = marshal(map[string]any{"message": message})
		return a
	}
	a.body = protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), message)
	return a
}

// accept is the answer that keeps items, except those that the fault rejects.
func (x *exchange) accept(items batch) answer {
	rejected := int(min(max(0, x.fault.Rejected), int64(items.size())))
	keep := items.first(items.size() - rejected)
	a := answer{status: http.StatusOK, outcome: "kept", headers: x.headers(), keep: &keep}
	if rejected > 0 || x.fault.Message != "" {
		a.outcome = fmt.Sprintf("kept, %d rejected", rejected)
		a.body = x.partialSuccess(rejected)
	} else if x.isJSON() {
		a.body = []byte("{}")
	}
	switch {
	case x.fault.Cut == AfterStore:
		a.status, a.outcome = 0, "kept, connection cut before the answer"
	case x.fault.Malformed:
		a.outcome, a.body = "kept, malformed answer", []byte("\x0a\xffno OTLP")
	}
	return a
}

// rejectedField is the name of a partial success's count in JSON.
var rejectedField = map[Signal]string{
	Traces: "rejectedSpans", Metrics: "rejectedDataPoints", Logs: "rejectedLogRecords",
}

// partialSuccess is the body of an export response with a partial_success. In protobuf each signal has the same fields.
func (x *exchange) partialSuccess(rejected int) []byte {
	if x.isJSON() {
		return marshal(map[string]any{"partialSuccess": map[string]any{
			rejectedField[x.rec.Signal]: strconv.Itoa(rejected), "errorMessage": x.fault.Message,
		}})
	}
	inner := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(rejected))
	inner = protowire.AppendString(protowire.AppendTag(inner, 2, protowire.BytesType), x.fault.Message)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inner)
}

// headers are the headers of every answer: its content type is the request's.
func (x *exchange) headers() map[string]string {
	if x.isJSON() {
		return map[string]string{"Content-Type": jsonType}
	}
	return map[string]string{"Content-Type": protobufType}
}

func marshal(v map[string]any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return out
}

func mediaType(contentType string) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return media
}

// withoutSecrets is a copy of h in which the values of headers that hold credentials are replaced by their lengths.
func withoutSecrets(h http.Header) http.Header {
	h = h.Clone()
	for name, values := range h {
		if !isSecret(name) {
			continue
		}
		for i, value := range values {
			values[i] = fmt.Sprintf("(%d bytes)", len(value))
		}
	}
	return h
}

func isSecret(header string) bool {
	header = strings.ToLower(header)
	for _, word := range []string{"auth", "cookie", "key", "token", "secret", "password", "credential"} {
		if strings.Contains(header, word) {
			return true
		}
	}
	return false
}
