package otlphttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/memnet"
)

// The collector closes its connections while the function is frozen. The next Send must not fail. (otlptracehttp 1.47 delivers
// 56 of 60 in this test.)
func TestStaleConnectionIsReplaced(t *testing.T) {
	for name, size := range map[string]int{"small": 10, "large": 512 << 10} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, config{}, nil)
			body := strings.Repeat("x", size)
			const rounds = 60
			for range rounds {
				b.mustSend(body)
				for _, c := range b.connections() {
					_ = c.Close()
				}
			}
			if len(b.received) != rounds || len(b.connections()) != rounds {
				t.Errorf("%d requests on %d connections, want %d on as many", len(b.received), len(b.connections()), rounds)
			}
		})
	}
}

// The same over sockets, with a reset and with an orderly close, and with a body larger than their buffers, so that the write
// fails.
func TestStaleSocketIsReplaced(t *testing.T) {
	for name, linger := range map[string]int{"reset": 0, "closed": -1} {
		t.Run(name, func(t *testing.T) {
			var arrived atomic.Int64
			var last atomic.Pointer[net.TCPConn]
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if n, _ := io.Copy(io.Discard, r.Body); n == r.ContentLength {
					arrived.Add(1)
				}
			}))
			server.Config.ConnState = func(c net.Conn, state http.ConnState) {
				if state == http.StateNew {
					last.Store(c.(*net.TCPConn))
				}
			}
			server.Start()
			defer server.Close()
			sender := newSender(config{Endpoint: parse(t, server.URL)})
			defer func() { _ = sender.Close() }()
			body := make([]byte, 1<<20)
			const rounds = 60
			for i := range rounds {
				if res, err := sender.Send(t.Context(), body); err != nil {
					t.Fatalf("round %d: %+v, %v", i, res, err)
				}
				_ = last.Load().SetLinger(linger)
				_ = last.Load().Close()
			}
			if n := arrived.Load(); n != rounds {
				t.Errorf("%d requests arrived, want %d", n, rounds)
			}
		})
	}
}

// lostConn is a connection whose peer has vanished: reads wait, and the second write fails, after the peer's host has answered the
// first one with a reset.
type lostConn struct {
	net.Conn
	lost   *atomic.Bool
	writes atomic.Int64 // since it was lost
}

func (c *lostConn) Write(b []byte) (int, error) {
	if c.lost.Load() && c.writes.Add(1) > 1 {
		return 0, syscall.ECONNRESET
	}
	return c.Conn.Write(b)
}

// A freeze breaks all kept connections at once. The replacement must not be another one of them.
func TestLostConnectionsAreNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		var lost *atomic.Bool
		b := newBackend(t, config{
			Endpoint: parse(t, "http://collector.test:4318/"),
			Dial: func(ctx context.Context, n, addr string) (net.Conn, error) {
				c, err := network.DialContext(ctx, n, addr)
				return &lostConn{Conn: c, lost: lost}, err
			},
		}, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
		b.listen(&network)
		for range 3 {
			lost = new(atomic.Bool)
			b.sendAll(maxIdleConns, strings.Repeat("x", 64<<10))
			lost.Store(true)
		}
	})
}

// A connection that breaks on its first use is the server's fault, so the request is not sent again.
func TestNewConnectionIsNotRetried(t *testing.T) {
	b := newBackend(t, config{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	res, err := b.sender.Send(t.Context(), []byte("spans"))
	if err == nil || res.Outcome != Retryable || len(b.received) != 1 {
		t.Errorf("got %+v, %v after %d requests", res, err, len(b.received))
	}
	b.server.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	b.mustSend("spans")
	if n := len(b.connections()); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// A server that breaks every connection gets a request at most twice.
func TestReplaysOnce(t *testing.T) {
	abort := false
	b := newBackend(t, config{}, func(http.ResponseWriter, *http.Request) {
		if abort {
			panic(http.ErrAbortHandler)
		}
	})
	b.mustSend("spans")
	abort = true
	if res, err := b.sender.Send(t.Context(), []byte("spans")); err == nil || res.Outcome != Retryable {
		t.Errorf("got %+v, %v", res, err)
	}
	if n := len(b.received); n != 3 {
		t.Errorf("%d requests, want 1 + 2", n)
	}
}

func TestLongIdleConnectionIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, config{}, nil)
		for i, idle := range []time.Duration{0, maxIdle - time.Second, maxIdle + time.Second, time.Hour} {
			time.Sleep(idle)
			b.mustSend("spans")
			if n, want := len(b.connections()), max(1, i); n != want {
				t.Errorf("after %v idle: %d connections, want %d", idle, n, want)
			}
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, config{Timeout: 3 * time.Second}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		begun := time.Now()
		res, err := b.sender.Send(t.Context(), []byte("spans"))
		if took := time.Since(begun); took != 3*time.Second || res.Outcome != Retryable || !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "no answer within 3s") {
			t.Errorf("after %v: %+v, %v", took, res, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun = time.Now()
		res, err = b.sender.Send(ctx, []byte("spans"))
		if took := time.Since(begun); took != time.Second || res.Outcome != Retryable || !errors.Is(err, context.DeadlineExceeded) ||
			strings.Contains(err.Error(), "within") {
			t.Errorf("after %v: %+v, %v", took, res, err)
		}
	})
}

// movable shows a deadline that does not end it, like a context that several callers share.
type movable struct{ context.Context }

func (movable) Deadline() (time.Time, bool) { return time.Now().Add(time.Millisecond), true }

func TestTimeoutUnderAMovableDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		b := newBackend(t, config{Timeout: 3 * time.Second}, hang)
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := b.sender.Send(movable{ctx}, []byte("spans"))
		if took := time.Since(begun); took != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestSendUnderADoneContext(t *testing.T) {
	b := newBackend(t, config{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if res, err := b.sender.Send(ctx, []byte("spans")); !errors.Is(err, context.Canceled) || res.Outcome != Retryable {
		t.Errorf("got %+v, %v", res, err)
	}
}

// The status means that the spans have arrived, even if the response body never ends.
func TestSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, config{Timeout: 3 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write([]byte{0x0a})
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		begun := time.Now()
		res, err := b.sender.Send(t.Context(), []byte("spans"))
		if err != nil || time.Since(begun) != 3*time.Second || !strings.Contains(res.Message, "could not be read") {
			t.Errorf("after %v: %+v, %v", time.Since(begun), res, err)
		}
	})
}

// gatedConn lets the first write through, holds the others until gate is closed, and then pretends that they succeed.
type gatedConn struct {
	net.Conn
	gate    chan struct{}
	written []byte // owned by the goroutine that writes
}

func (c *gatedConn) Write(b []byte) (int, error) {
	first := c.written == nil
	c.written = append(c.written, b...)
	if first {
		return c.Conn.Write(b)
	}
	<-c.gate
	return len(b), nil
}

// net/http may still be sending the body after it has returned an early response. The caller of Send may use the body's memory
// again nevertheless.
func TestBodyIsNotReadAfterSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &gatedConn{gate: make(chan struct{})}
		var network memnet.Network
		b := newBackend(t, config{Dial: func(ctx context.Context, n, addr string) (net.Conn, error) {
			var err error
			conn.Conn, err = network.DialContext(ctx, n, addr)
			return conn, err
		}}, nil)
		refuse := respond(413, contentType, nil) // without reading the body
		b.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Millisecond) // until the client is at its body
			refuse(w, r)
		})
		b.listen(&network)
		body := bytes.Repeat([]byte("a"), 1<<20)
		if _, err := b.sender.Send(t.Context(), body); !strings.Contains(errorText(err), "413") {
			t.Fatalf("Send: %v", err)
		}
		for i := range body {
			body[i] = '!'
		}
		close(conn.gate)
		synctest.Wait()
		if !bytes.Contains(conn.written, []byte("aaa")) || bytes.Contains(conn.written, []byte("!")) {
			t.Errorf("%d bytes written, some of them changed after Send", len(conn.written))
		}
		time.Sleep(time.Second) // net/http's server leaves a connection whose request it has not read half a second
	})
}

func TestPayloadIsReadUntilReleased(t *testing.T) {
	for _, size := range []int{1, smallBody, smallBody + 1} {
		data := bytes.Repeat([]byte("a"), size)
		p := &payload{data: data}
		req := new(http.Request)
		p.attach(req)
		for _, which := range []string{"first", "replayed"} {
			body, err := req.GetBody()
			if err != nil {
				t.Fatal(err)
			}
			if all, err := io.ReadAll(body); !bytes.Equal(all, data) || err != nil {
				t.Errorf("%s body of %d bytes: %d, %v", which, size, len(all), err)
			}
		}
		p.release()
		clear(data) // its memory is used again
		if rest, err := io.ReadAll(req.Body); bytes.IndexByte(rest, 0) >= 0 || size > smallBody && (len(rest) > 0 || err == nil) {
			t.Errorf("of %d bytes %d are read after release, %v", size, len(rest), err)
		}
	}
}

// countedConn counts writes.
type countedConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countedConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// A request of few spans costs one system call and, on the wire, one packet.
func TestSmallRequestIsOneWrite(t *testing.T) {
	var network memnet.Network
	var writes atomic.Int32
	b := newBackend(t, config{Dial: func(ctx context.Context, n, addr string) (net.Conn, error) {
		conn, err := network.DialContext(ctx, n, addr)
		return countedConn{conn, &writes}, err
	}}, respond(200, contentType, nil))
	b.listen(&network)
	for i := range int32(3) {
		if _, err := b.sender.Send(t.Context(), make([]byte, 700)); err != nil {
			t.Fatal(err)
		}
		if n := writes.Load(); n != i+1 {
			t.Errorf("%d writes for %d requests", n, i+1)
		}
	}
}

func TestUnreachable(t *testing.T) {
	b := newBackend(t, config{Endpoint: parse(t, "http://user:pass@absent.test:4318/v1/traces?key=secret")}, nil)
	res, err := b.sender.Send(t.Context(), []byte("spans"))
	if res.Outcome != Retryable || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %+v, %v", res, err)
	}
	text := errorText(err)
	if !strings.HasPrefix(text, "send to http://absent.test:4318/v1/traces: ") || strings.Contains(text, "pass") || strings.Contains(text, "secret") {
		t.Errorf("error %q", text)
	}
}

// An error of the user's dialer or signer may hold anything.
func TestSecretsStayOutOfErrors(t *testing.T) {
	cause := errors.New("dialling with Bearer t0ken")
	sender := newSender(config{
		Endpoint: parse(t, "http://collector.test/"),
		Headers:  map[string]string{"authorization": "Bearer t0ken"},
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, cause },
	})
	_, err := sender.Send(t.Context(), nil)
	if !errors.Is(err, cause) || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("error %q", err)
	}
}

func TestSendAfterClose(t *testing.T) {
	b := newBackend(t, config{}, nil)
	for range 2 {
		b.mustSend("spans")
		if err := b.sender.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := len(b.connections()); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}
