package otlphttp

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/redact"
)

// saying is a connection whose peer writes a fixed text and then closes.
type saying struct {
	net.Conn
	said io.Reader
}

func (s *saying) Read(b []byte) (int, error)  { return s.said.Read(b) }
func (s *saying) Write(b []byte) (int, error) { return len(b), nil }
func (s *saying) Close() error                { return nil }

// FuzzAnswer lets a backend write any bytes instead of a response.
func FuzzAnswer(f *testing.F) {
	log.SetOutput(io.Discard) // where net/http says what comes unasked
	f.Cleanup(func() { log.SetOutput(os.Stderr) })
	ok := "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\r\n"
	for _, seed := range []string{
		ok, ok + string(partialSuccess(3, "too old")), "HTTP/1.1 400 Bad Request\r\n\r\n" + string(rpcStatus(3, "key t0ken-of-mine")),
		"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n", "HTTP/1.1 429 \r\nRetry-After: Sun, 22 Nov 2099 12:00:30 GMT\r\n\r\n",
		"HTTP/1.1 307 x\r\nLocation: //u:t0ken-of-mine@h/p?q#f\r\n\r\n", "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: t0ken-of-mine\r\n\r\n",
		"HTTP/1.1 103 x\r\n\r\nHTTP/1.1 204 x\r\n\r\n", "HTTP/1.1 t0ken-of-mine", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\x0a\x00\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", "\x15\x03\x01\x00\x02\x02\x46", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		sender := newSender(config{
			Endpoint: parse(t, "http://collector.test/v1/traces"), Headers: map[string]string{"api-key": "t0ken-of-mine"},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				return &saying{said: bytes.NewReader(said)}, nil
			},
		})
		res, err := sender.Send(t.Context(), []byte("spans"))
		if closeErr := sender.Close(); closeErr != nil {
			t.Error(closeErr)
		}
		text := res.Message + errorText(err)
		if strings.Contains(strings.ToLower(text), "t0ken-of-mine") || len(text) > 2*redact.MaxBytes || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("not fit to be shown: %q", text)
		}
		if res.Rejected < 0 || res.RetryAfter < 0 || res.RetryAfter > maxRetryAfter || (err == nil) != (res.Outcome == delivery.Accepted) || res.Answered != (res.Status != 0) ||
			err != nil && res.Rejected != 0 {
			t.Errorf("%+v, %v", res, err)
		}
	})
}
