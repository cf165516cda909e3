package otlphttp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// A write to a peer that does not read blocks when the sockets' buffers are full. The context ends it. The connection
// is closed, no goroutine is left behind, and the caller may use the body's memory again.
func TestStuckWriteIsBounded(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		synctest.Test(t, func(t *testing.T) {
			network := new(lambdatest.Network)
			l, err := network.Listen("collector.test:4318")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			ours := newAuthority(t)
			server := &tls.Config{Certificates: []tls.Certificate{ours.issue("collector.test", 100*365*24*time.Hour)}}
			accepted := make(chan net.Conn, 1)
			go func() {
				conn, _ := l.Accept()
				if scheme == "https" {
					_ = tls.Server(conn, server).HandshakeContext(t.Context())
				}
				accepted <- conn
			}()
			sender := newSender(config{Endpoint: parse(t, scheme+"://collector.test:4318/"), Authorities: ours.pool(), Dial: network.DialContext})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			body := make([]byte, 4<<20)
			begun := time.Now()
			res, err := sender.Send(ctx, body)
			clear(body) // the race detector sees who reads it still
			if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || res.Outcome != delivery.Retryable || took > time.Second+closeNotifyTimeout {
				t.Errorf("%s: after %v: %+v, %v", scheme, took, res, err)
			}
			if _, err := io.Copy(io.Discard, <-accepted); err != nil { // until the connection is closed
				t.Errorf("%s: %v", scheme, err)
			}
			_ = sender.Close()
		})
	}
}

// Closing a TLS connection sends close_notify. A peer that does not read must not delay that: crypto/tls would wait for
// 5 seconds.
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
