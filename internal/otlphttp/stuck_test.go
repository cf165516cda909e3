package otlphttp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// deaf accepts connections and never reads from them.
func deaf(t *testing.T) (endpoint string, conns chan net.Conn) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	conns = make(chan net.Conn, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns <- conn
		}
	}()
	return l.Addr().String(), conns
}

// openFiles returns how many file descriptors the process has; -1 if the system does not say.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

// A write to a peer that does not read blocks when the sockets' buffers are full. The context ends it. The connection is closed,
// no goroutine or file is left behind, and the caller may use the body's memory again.
func TestStuckWriteIsBounded(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			address, conns := deaf(t)
			cfg := config{Endpoint: parse(t, scheme+"://"+address)}
			if scheme == "https" {
				ours := newAuthority(t)
				address, conns = deafTLS(t, ours)
				cfg = config{Endpoint: parse(t, "https://"+address), Authorities: ours.pool()}
			}
			sender := newSender(cfg)
			defer func() { _ = sender.Close() }()
			body := make([]byte, 4<<20)
			files, goroutines := 0, 0
			for i := range 10 {
				ctx, cancel := context.WithCancel(t.Context())
				var ended time.Time
				accepted := make(chan net.Conn)
				go func() {
					conn := <-conns
					<-time.After(50 * time.Millisecond) // in which the buffers fill
					ended = time.Now()
					cancel()
					accepted <- conn
				}()
				res, err := sender.Send(ctx, body)
				clear(body) // the race detector sees who reads it still
				returned := time.Now()
				conn := <-accepted
				if took := returned.Sub(ended); !errors.Is(err, context.Canceled) || res.Outcome != delivery.Retryable || took > 3*time.Second {
					t.Fatalf("%v after the end: %+v, %v", took, res, err)
				}
				mustHangUp(t, conn)
				if i == 0 {
					files, goroutines = openFiles(), runtime.NumGoroutine()
				}
			}
			if now, many := openFiles(), runtime.NumGoroutine(); now > files+2 || many > goroutines+4 {
				t.Errorf("%d files and %d goroutines after the first, %d and %d after the tenth", files, goroutines, now, many)
			}
		})
	}
}

// deafTLS is deaf after the TLS handshake.
func deafTLS(t *testing.T, ours *authority) (endpoint string, conns chan net.Conn) {
	t.Helper()
	address, raw := deaf(t)
	conns = make(chan net.Conn, 100)
	done := make(chan struct{})
	t.Cleanup(func() { close(raw); <-done })
	cfg := &tls.Config{Certificates: []tls.Certificate{ours.issue("127.0.0.1", time.Hour)}}
	go func() {
		defer close(done)
		for conn := range raw {
			if err := tls.Server(conn, cfg).HandshakeContext(t.Context()); err == nil {
				conns <- conn
			}
		}
	}()
	return address, conns
}

// mustHangUp fails the test unless the peer of conn has closed it.
func mustHangUp(t *testing.T, conn net.Conn) {
	t.Helper()
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var timeout net.Error
	if _, err := io.Copy(io.Discard, conn); errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("the connection is still open")
	}
}

// Closing a TLS connection sends close_notify. A peer that does not read must not delay that: crypto/tls would wait for 5 seconds.
func TestGoodbyeDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours := newAuthority(t)
		cert := ours.issue("collector.test", 100*365*24*time.Hour) // virtual time begins in the year 2000
		near, far := net.Pipe()                                    // where a write waits for its reader
		server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}})
		go func() {
			var request []byte
			for b := make([]byte, 4<<10); !bytes.Contains(request, []byte("spans")); {
				n, err := server.Read(b)
				if err != nil {
					return
				}
				request = append(request, b[:n]...)
			}
		}()
		sender := newSender(config{
			Endpoint: parse(t, "https://collector.test/"), Authorities: ours.pool(),
			Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil },
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := sender.Send(ctx, []byte("spans")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(begun); took > time.Second+closeNotifyTimeout {
			t.Errorf("took %v", took)
		}
		_ = sender.Close()
		_ = far.Close()
		time.Sleep(time.Minute)
	})
}

// abandonedDials returns a sender whose dials end with their contexts, and these contexts in the order of the dials.
func abandonedDials(t *testing.T) (*testSender, *[]context.Context) {
	t.Helper()
	dials := new([]context.Context)
	sender := newSender(config{
		Endpoint: parse(t, "http://collector.test/"),
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			*dials = append(*dials, ctx)
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	return sender, dials
}

// Of too many dials to a backend that does not answer the oldest gives way: the others have had less time.
func TestOldestAbandonedDialGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender, dials := abandonedDials(t)
		for range maxAbandoned + 1 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			_, _ = sender.Send(ctx, nil)
			cancel()
			synctest.Wait()
		}
		for i, ctx := range *dials {
			if ended := ctx.Err() != nil; ended != (i == 0) {
				t.Errorf("dial %d of %d has ended: %v", i+1, len(*dials), ended)
			}
		}
		_ = sender.Close()
	})
}

// A dial that is abandoned after Close ends with its request.
func TestDialDoesNotOutliveItsRequestAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender, dials := abandonedDials(t)
		ctx, cancel := context.WithCancel(t.Context())
		returned := make(chan struct{})
		go func() {
			defer close(returned)
			_, _ = sender.Send(ctx, nil)
		}()
		synctest.Wait()
		_ = sender.Close()
		synctest.Wait()
		if len(*dials) != 1 || (*dials)[0].Err() != nil {
			t.Fatalf("%d dials before the end of the request", len(*dials))
		}
		cancel()
		<-returned
		synctest.Wait()
		if (*dials)[0].Err() == nil {
			t.Error("the dial goes on")
		}
	})
}
