package extensionsapi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reply is an answer of the API.
type reply struct {
	status     int
	identifier string
	body       string
}

func (r reply) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if r.identifier != "" {
		w.Header().Set(identifierHeader, r.identifier)
	}
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.body)
}

// serve returns a client of an API that answers by h.
func serve(t *testing.T, h http.Handler) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	client := New(strings.TrimPrefix(server.URL, "http://"), (&net.Dialer{}).DialContext)
	t.Cleanup(server.Close)
	t.Cleanup(client.Close)
	return client
}

func TestRegister(t *testing.T) {
	for _, tt := range []struct {
		forInvoke bool
		body      string
	}{
		{true, `{"events":["INVOKE"]}`},
		{false, `{"events":[]}`},
	} {
		t.Run(tt.body, func(t *testing.T) {
			var method, path, name, body string
			client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				method, path, name, body = r.Method, r.URL.Path, r.Header.Get("Lambda-Extension-Name"), string(b)
				reply{200, "id-1", `{"functionName":"orders","functionVersion":"$LATEST","handler":"bootstrap","accountId":"1"}`}.ServeHTTP(w, r)
			}))
			got, err := client.Register(t.Context(), "epilogue", tt.forInvoke)
			if err != nil {
				t.Fatal(err)
			}
			if got != "id-1" {
				t.Errorf("identifier %q", got)
			}
			if method != "POST" || path != "/2020-01-01/extension/register" || name != "epilogue" || body != tt.body {
				t.Errorf("request %s %s name=%q %s", method, path, name, body)
			}
		})
	}
}

func TestNext(t *testing.T) {
	var method, path, identifier string
	client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path, identifier = r.Method, r.URL.Path, r.Header.Get("Lambda-Extension-Identifier")
		reply{200, "", `{"eventType":"INVOKE","deadlineMs":1700000000123,"requestId":"r-1","invokedFunctionArn":"arn:f",` +
			`"tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-a;Sampled=1"}}`}.ServeHTTP(w, r)
	}))
	got, err := client.Next(t.Context(), "id-1")
	if err != nil {
		t.Fatal(err)
	}
	want := Event{RequestID: "r-1", Deadline: time.UnixMilli(1_700_000_000_123)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if method != "GET" || path != "/2020-01-01/extension/event/next" || identifier != "id-1" {
		t.Errorf("request %s %s identifier=%q", method, path, identifier)
	}
}

func TestRefusal(t *testing.T) {
	long := strings.Repeat("no ", 1000)
	for _, tt := range []struct {
		name  string
		reply reply
		want  *Error
		text  string
	}{
		{
			"as documented",
			reply{403, "", `{"errorMessage":"No events allowed","errorType":"Extension.InvalidEventType"}`},
			&Error{"register", 403, InvalidEventType, "No events allowed"},
			"extensions api: register: 403 Forbidden: Extension.InvalidEventType: No events allowed",
		},
		{"empty", reply{500, "", ""}, &Error{Op: "register", Status: 500}, "extensions api: register: 500 Internal Server Error"},
		{
			"not JSON",
			reply{502, "", "<html>\n bad\tgateway"},
			&Error{Op: "register", Status: 502, Message: "<html> bad gateway"},
			"extensions api: register: 502 Bad Gateway: <html> bad gateway",
		},
		{"a redirect", reply{302, "", "{}"}, &Error{Op: "register", Status: 302}, "extensions api: register: 302 Found"},
		{"success that is none", reply{202, "id", "{}"}, &Error{Op: "register", Status: 202}, "extensions api: register: 202 Accepted"},
		{"an unknown status", reply{599, "", ""}, &Error{Op: "register", Status: 599}, "extensions api: register: 599"},
		{
			"long",
			reply{403, "", long},
			&Error{Op: "register", Status: 403, Message: strings.TrimSpace(long[:200]) + "…"},
			"extensions api: register: 403 Forbidden: " + strings.TrimSpace(long[:200]) + "…",
		},
		{
			"huge",
			reply{400, "", strings.Repeat("x", maxBody+2)},
			&Error{Op: "register", Status: 400, Message: strings.Repeat("x", 200) + "…"},
			"extensions api: register: 400 Bad Request: " + strings.Repeat("x", 200) + "…",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := serve(t, tt.reply).Register(t.Context(), "epilogue", true)
			var refusal *Error
			if !errors.As(err, &refusal) {
				t.Fatalf("error %v is no *Error", err)
			}
			if diff := cmp.Diff(tt.want, refusal); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
			if err.Error() != tt.text {
				t.Errorf("text %q, want %q", err, tt.text)
			}
			if got != "" {
				t.Errorf("identifier %q with a refusal", got)
			}
		})
	}
}

// TestRegisteredIsRegistered: the platform waits for the next of an extension that it has registered.
func TestRegisteredIsRegistered(t *testing.T) {
	for name, body := range map[string]string{"empty": "", "not JSON": "ok", "huge": strings.Repeat(" ", maxBody+1)} {
		if got, err := serve(t, reply{200, "id", body}).Register(t.Context(), "epilogue", true); got != "id" || err != nil {
			t.Errorf("%s: identifier %q, error %v", name, got, err)
		}
	}
	cut := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		reply{200, "id", "{"}.ServeHTTP(w, nil)
	}))
	if got, err := cut.Register(t.Context(), "epilogue", true); got != "id" || err != nil {
		t.Errorf("cut off: identifier %q, error %v", got, err)
	}
}

func TestMalformedEvent(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"empty", "", "extensions api: next: decode event: unexpected end of JSON input"},
		{"not JSON", "nope", "extensions api: next: decode event: invalid character 'o' in literal null (expecting 'u')"},
		{"no object", "[]", "extensions api: next: decode event: json: cannot unmarshal array into Go value of type extensionsapi.wireEvent"},
		{"no type", "{}", `extensions api: next: unknown event type ""`},
		{"an event for external extensions", `{"eventType":"SHUTDOWN"}`, `extensions api: next: unknown event type "SHUTDOWN"`},
		{"no request id", `{"eventType":"INVOKE","deadlineMs":1}`, "extensions api: next: INVOKE without requestId"},
		{"huge", `{"eventType":"INVOKE","requestId":"` + strings.Repeat("r", maxBody) + `"}`, "extensions api: next: read reply: more than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			event, err := serve(t, reply{200, "", tt.body}).Next(t.Context(), "id")
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v\nwant  %s", err, tt.want)
			}
			if event != (Event{}) {
				t.Errorf("event %+v with an error", event)
			}
		})
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	asked := make(chan struct{})
	client := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := client.Next(ctx, "id"); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("error %v", err)
	}
}

// TestDialEndsWithTheClient: net/http goes on opening a connection for later calls when the one that it was for has ended.
func TestDialEndsWithTheClient(t *testing.T) {
	dialing, ended := make(chan struct{}), make(chan struct{})
	client := New("api.test:80", func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(dialing)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-dialing; cancel() }()
	if _, err := client.Register(ctx, "epilogue", true); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("error %v", err)
	}
	client.Close()
	<-ended
}

func TestConnectionIsKeptBetweenCalls(t *testing.T) {
	dials := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "register") {
			reply{403, "", "{}"}.ServeHTTP(w, r)
			return
		}
		reply{200, "", `{"eventType":"INVOKE","requestId":"r"}`}.ServeHTTP(w, r)
	}))
	defer server.Close()
	client := New(strings.TrimPrefix(server.URL, "http://"), func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})
	defer client.Close()
	_, _ = client.Register(t.Context(), "epilogue", true)
	for range 3 {
		if _, err := client.Next(t.Context(), "id"); err != nil {
			t.Fatal(err)
		}
	}
	if dials != 1 {
		t.Errorf("%d connections for four calls one after the other", dials)
	}
}

// TestProxyIsNotUsed: the API's address need not be loopback, which is all that Go's default transport spares.
func TestProxyIsNotUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://proxy.invalid:3128")
	var dialed string
	client := New("169.254.100.1:9001", func(_ context.Context, _, address string) (net.Conn, error) {
		dialed = address
		return nil, errors.New("no network here")
	})
	_, err := client.Next(t.Context(), "id")
	if err == nil || dialed != "169.254.100.1:9001" {
		t.Errorf("dialed %q, error %v", dialed, err)
	}
}

func TestMalformedAddressIsAnErrorOfTheCall(t *testing.T) {
	client := New("not an address\n", (&net.Dialer{}).DialContext)
	if _, err := client.Register(t.Context(), "epilogue", true); err == nil {
		t.Error("no error")
	}
}

// TestLongRefusalIsCutBetweenCharacters asserts that the shown part of a long message is text, whatever its length is.
func TestLongRefusalIsCutBetweenCharacters(t *testing.T) {
	for n := range 4 {
		client := serve(t, reply{status: http.StatusForbidden, body: strings.Repeat("a", n) + strings.Repeat("€", 200)})
		_, err := client.Next(t.Context(), "id")
		if err == nil || !utf8.ValidString(err.Error()) || !strings.HasSuffix(err.Error(), "€…") {
			t.Errorf("after %d letters: %q", n, err)
		}
	}
}

// TestEventWithoutDeadline asserts that the deadline of an event that has none, or none that is a time, is zero.
func TestEventWithoutDeadline(t *testing.T) {
	for _, body := range []string{
		`{"eventType":"INVOKE","requestId":"r"}`, `{"eventType":"INVOKE","requestId":"r","deadlineMs":0}`,
		`{"eventType":"INVOKE","requestId":"r","deadlineMs":-1}`,
	} {
		got, err := serve(t, reply{200, "", body}).Next(t.Context(), "id")
		if err != nil || !got.Deadline.IsZero() {
			t.Errorf("%s: deadline %v, %v", body, got.Deadline, err)
		}
	}
}
