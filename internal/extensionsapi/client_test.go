package extensionsapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// api is an Extensions API with one reply. It notes the last request.
type api struct {
	status     int
	identifier string
	body       string

	request string
	dials   int
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.request = fmt.Sprintf("%s %s name=%q identifier=%q %s", r.Method, r.URL.Path, r.Header.Get(nameHeader), r.Header.Get(identifierHeader), body)
	if a.identifier != "" {
		w.Header().Set(identifierHeader, a.identifier)
	}
	if a.body == "cut" {
		w.Header().Set("Content-Length", "100")
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// client returns a client of the API.
func (a *api) client(t *testing.T) *Client {
	t.Helper()
	server := httptest.NewServer(a)
	client := New(strings.TrimPrefix(server.URL, "http://"), func(ctx context.Context, network, address string) (net.Conn, error) {
		a.dials++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})
	t.Cleanup(server.Close)
	t.Cleanup(client.Close)
	return client
}

func TestRegister(t *testing.T) {
	for events, forInvoke := range map[string]bool{`["INVOKE"]`: true, `[]`: false} {
		a := &api{status: 200, identifier: "id-1", body: `{"functionName":"orders"}`}
		got, err := a.client(t).Register(t.Context(), "ours", forInvoke)
		want := `POST /2020-01-01/extension/register name="ours" identifier="" {"events":` + events + `}`
		if got != "id-1" || err != nil || a.request != want {
			t.Errorf("identifier %q, error %v, request %s, want %s", got, err, a.request, want)
		}
	}
}

// TestRegisteredIsRegistered asserts that an identifier counts whatever the rest of the reply is: the platform waits for
// the next of an extension that it has registered.
func TestRegisteredIsRegistered(t *testing.T) {
	for _, body := range []string{"", "not JSON", "cut", strings.Repeat(" ", maxBody+1)} {
		a := &api{status: 200, identifier: "id", body: body}
		if got, err := a.client(t).Register(t.Context(), "epilogue", true); got != "id" || err != nil {
			t.Errorf("%.9s: identifier %q, error %v", body, got, err)
		}
	}
}

func TestNext(t *testing.T) {
	for body, deadline := range map[string]time.Time{
		`{"eventType":"INVOKE","deadlineMs":1700000000123,"requestId":"r-1","tracing":{}}`: time.UnixMilli(1_700_000_000_123),
		`{"eventType":"INVOKE","requestId":"r-1"}`:                                         {},
		`{"eventType":"INVOKE","requestId":"r-1","deadlineMs":-1}`:                         {},
	} {
		a := &api{status: 200, body: body}
		got, err := a.client(t).Next(t.Context(), "id-1")
		if want := (Event{"r-1", deadline}); got != want || err != nil {
			t.Errorf("event %+v, error %v, want %+v", got, err, want)
		}
		if a.request != `GET /2020-01-01/extension/event/next name="" identifier="id-1" ` {
			t.Errorf("request %s", a.request)
		}
	}
}

func TestRefusal(t *testing.T) {
	const long = 1000
	for _, tt := range []struct {
		name string
		api  api
		want Error
		text string // after the operation
	}{
		{
			"as documented",
			api{status: 403, body: `{"errorMessage":"No events allowed","errorType":"Extension.InvalidEventType"}`},
			Error{403, InvalidEventType, "No events allowed"},
			"403 Forbidden: Extension.InvalidEventType: No events allowed",
		},
		{"empty", api{status: 500}, Error{Status: 500}, "500 Internal Server Error"},
		{
			"not JSON",
			api{status: 502, body: "<html>\n bad\tgateway"},
			Error{Status: 502, Message: "<html> bad gateway"},
			"502 Bad Gateway: <html> bad gateway",
		},
		{"a redirect", api{status: 302, body: "{}"}, Error{Status: 302}, "302 Found"},
		{"success that is none", api{status: 202, identifier: "id", body: "{}"}, Error{Status: 202}, "202 Accepted"},
		{"an unknown status", api{status: 599}, Error{Status: 599}, "599"},
		{
			"long, of characters of three bytes",
			api{status: 403, body: strings.Repeat("€", long)},
			Error{Status: 403, Message: strings.Repeat("€", 66) + "…"},
			"403 Forbidden: " + strings.Repeat("€", 66) + "…",
		},
		{
			"huge",
			api{status: 400, body: strings.Repeat("x", maxBody+2)},
			Error{Status: 400, Message: strings.Repeat("x", 200) + "…"},
			"400 Bad Request: " + strings.Repeat("x", 200) + "…",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.api.client(t).Register(t.Context(), "epilogue", true)
			var refusal *Error
			if !errors.As(err, &refusal) || !cmp.Equal(tt.want, *refusal) || err.Error() != "extensions api: register: "+tt.text || got != "" {
				t.Errorf("identifier %q, error %v (%+v), want %s", got, err, refusal, tt.text)
			}
		})
	}
}

func TestMalformedEvent(t *testing.T) {
	for body, want := range map[string]string{
		"":                             "decode event: unexpected end of JSON input",
		"nope":                         "decode event: invalid character 'o' in literal null (expecting 'u')",
		"{}":                           `unknown event type ""`,
		`{"eventType":"SHUTDOWN"}`:     `unknown event type "SHUTDOWN"`,
		`{"eventType":"INVOKE"}`:       "INVOKE without requestId",
		strings.Repeat(" ", 2*maxBody): "read reply: more than 65536 bytes",
	} {
		event, err := (&api{status: 200, body: body}).client(t).Next(t.Context(), "id")
		if err == nil || err.Error() != "extensions api: next: "+want || event != (Event{}) {
			t.Errorf("event %+v, error %v\nwant %s", event, err, want)
		}
	}
}

// TestCallEndsWithItsContext asserts that Next does, and a dial that outlasts its call ends with the client: net/http goes
// on opening a connection for later calls.
func TestCallEndsWithItsContext(t *testing.T) {
	dialing, ended := make(chan struct{}), make(chan struct{})
	client := New("api.test:80", func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(dialing)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-dialing; cancel() }()
	if _, err := client.Next(ctx, "id"); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("error %v", err)
	}
	client.Close()
	<-ended
}

func TestConnectionIsKeptBetweenCalls(t *testing.T) {
	a := &api{status: 403, body: "{}"}
	client := a.client(t)
	for range 3 {
		_, _ = client.Register(t.Context(), "epilogue", true)
		_, _ = client.Next(t.Context(), "id")
	}
	if a.dials != 1 {
		t.Errorf("%d connections for six calls one after the other", a.dials)
	}
}

// TestProxyIsNotUsed has an address that is not loopback, which is all that Go's default transport spares.
func TestProxyIsNotUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://proxy.invalid:3128")
	for _, address := range []string{"169.254.100.1:9001", "not an address\n"} {
		dialed := ""
		client := New(address, func(_ context.Context, _, address string) (net.Conn, error) {
			dialed = address
			return nil, errors.New("no network here")
		})
		if _, err := client.Next(t.Context(), "id"); err == nil || dialed != "" && dialed != address {
			t.Errorf("dialed %q, error %v", dialed, err)
		}
	}
}

// scripted is a connection with a fixed reply to every request. The other end then closes it.
type scripted struct {
	net.Conn
	said io.Reader
}

func (s *scripted) Read(b []byte) (int, error)  { return s.said.Read(b) }
func (s *scripted) Write(b []byte) (int, error) { return len(b), nil }
func (s *scripted) Close() error                { return nil }

func clientOf(said io.Reader) *Client {
	return New("api.test:80", func(context.Context, string, string) (net.Conn, error) { return &scripted{said: said}, nil })
}

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
		client := clientOf(said)
		_, err := client.Next(t.Context(), "id")
		client.Close()
		if err == nil || len(err.Error()) > 2*excerptLength || said.read > 2*(maxBody+maxHeader) {
			t.Errorf("%s: %d bytes read, error %v", name, said.read, err)
		}
	}
}

// FuzzReply lets the API say anything at all, below HTTP.
func FuzzReply(f *testing.F) {
	log.SetOutput(io.Discard) // of net/http, about replies without a request
	f.Cleanup(func() { log.SetOutput(os.Stderr) })
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: id\r\nContent-Length: 20\r\n\r\n{\"functionName\":\"f\"}",
		"HTTP/1.1 200 OK\r\nContent-Length: 39\r\n\r\n{\"eventType\":\"INVOKE\",\"requestId\":\"r\"}",
		"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/2.0 200\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "HTTP/1.1 204\r\n\r\n", "\x15\x03\x01\x00\x02\x02\x46", "",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: a\r\nLambda-Extension-Identifier: b\r\nContent-Length: -1\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		client := clientOf(bytes.NewReader(said))
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
			if err != nil && (len(err.Error()) > 4*excerptLength || strings.ContainsAny(err.Error(), "\r\n") || !utf8.ValidString(err.Error())) {
				t.Errorf("not fit for a line of the log: %q", err)
			}
		}
	})
}
