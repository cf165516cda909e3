package extensionsapi

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a connection with a fixed reply to every request. The other end then closes it.
type scripted struct {
	net.Conn
	said io.Reader
}

func (s *scripted) Read(b []byte) (int, error)  { return s.said.Read(b) }
func (s *scripted) Write(b []byte) (int, error) { return len(b), nil }
func (s *scripted) Close() error                { return nil }

// endless says begin and then text, over and over, for as long as it is listened to.
type endless struct {
	begin, text string
	read        int
}

func (e *endless) Read(b []byte) (int, error) {
	if e.begin == "" {
		e.begin = e.text
	}
	n := copy(b, e.begin)
	e.begin = e.begin[n:]
	e.read += n
	return n, nil
}

func TestRepliesWithoutEnd(t *testing.T) {
	for name, said := range map[string]*endless{
		"status line":   {begin: "HTTP/1.1 ", text: "x"},
		"header":        {begin: "HTTP/1.1 200 OK\r\n", text: "X-More: of the same\r\n"},
		"informational": {text: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"},
		"body":          {begin: "HTTP/1.1 200 OK\r\n\r\n", text: "{"},
		"refusal":       {begin: "HTTP/1.1 403 Forbidden\r\n\r\n", text: "no "},
	} {
		client := New("api.test:80", func(context.Context, string, string) (net.Conn, error) { return &scripted{said: said}, nil })
		_, err := client.Next(t.Context(), "id")
		if err == nil || len(err.Error()) > 2*excerptLength {
			t.Errorf("%s: error %v", name, err)
		}
		client.Close()
		if said.read > 2*(maxBody+maxHeader) {
			t.Errorf("%s: %d bytes read", name, said.read)
		}
	}
}

// After 101 the connection belongs to the caller, and the context does not end a read from it.
func TestSwitchingProtocolsIsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			_, _ = far.Read(make([]byte, 4096))
			_, _ = io.WriteString(far, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			_, _ = io.Copy(io.Discard, far)
		}()
		client := New("api.test:80", func(context.Context, string, string) (net.Conn, error) { return near, nil })
		defer client.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client.Next(ctx, "id"); err == nil || err.Error() != "extensions api: next: 101 Switching Protocols" {
			t.Errorf("error %v", err)
		}
	})
}

// FuzzReply lets the API say anything at all, below HTTP.
func FuzzReply(f *testing.F) {
	log.SetOutput(io.Discard) // where net/http says what comes unasked
	f.Cleanup(func() { log.SetOutput(os.Stderr) })
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: id\r\nContent-Length: 20\r\n\r\n{\"functionName\":\"f\"}",
		"HTTP/1.1 200 OK\r\nContent-Length: 39\r\n\r\n{\"eventType\":\"INVOKE\",\"requestId\":\"r\"}",
		"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/2.0 200\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "HTTP/1.1 204\r\n\r\n", "\x15\x03\x01\x00\x02\x02\x46", "",
		"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: a\r\nLambda-Extension-Identifier: b\r\nContent-Length: -1\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		client := New("api.test:80", func(context.Context, string, string) (net.Conn, error) {
			return &scripted{said: bytes.NewReader(said)}, nil
		})
		defer client.Close()
		identifier, registerErr := client.Register(t.Context(), "epilogue", true)
		if (registerErr == nil) != (identifier != "") {
			t.Errorf("identifier %q, error %v", identifier, registerErr)
		}
		event, nextErr := client.Next(t.Context(), "id")
		if (nextErr == nil) != (event.RequestID != "") || nextErr != nil && event != (Event{}) {
			t.Errorf("event %+v, error %v", event, nextErr)
		}
		for _, err := range []error{registerErr, nextErr} {
			if err != nil && (len(err.Error()) > 4*excerptLength || strings.ContainsAny(err.Error(), "\r\n")) {
				t.Errorf("not fit for a line of the log: %q", err)
			}
		}
	})
}
