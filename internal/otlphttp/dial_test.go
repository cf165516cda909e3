package otlphttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

// A panic of the user's code is an error of the attempt, although net/http calls that code on goroutines of its own.
func TestPanicsOfDialerAndSignerAreErrors(t *testing.T) {
	for want, cfg := range map[string]config{
		"dial collector.test:80: panicked: no [redacted]": {
			Dial: func(context.Context, string, string) (net.Conn, error) { panic("no t0ken") },
		},
		"sign request: panicked: no [redacted]": {
			Sign: func(_ context.Context, r *http.Request, _ []byte) error {
				r.Header.Set("X-Signed", "s1gned")
				panic("no s1gned")
			},
		},
		"sign request: no": {
			Sign: func(context.Context, *http.Request, []byte) error { return touchy{errors.New("no")} },
		},
	} {
		cfg.Endpoint, cfg.Headers = parse(t, "http://collector.test/"), map[string]string{"authorization": "Bearer t0ken"}
		res, err := newSender(cfg).Send(t.Context(), nil)
		if res.Outcome != delivery.Retryable || !strings.HasSuffix(errorText(err), want) {
			t.Errorf("%+v, error %q, want …%q", res, errorText(err), want)
		}
	}
}

// TestCyclicErrorEndsTheSend: errors.As does not return for an error that wraps itself.
func TestCyclicErrorEndsTheSend(t *testing.T) {
	for name, cfg := range map[string]config{
		"of Sign": {Sign: func(context.Context, *http.Request, []byte) error { return cyclic{} }},
		"of Dial": {Dial: func(context.Context, string, string) (net.Conn, error) { return nil, cyclic{} }},
		"of a connection": {Dial: func(context.Context, string, string) (net.Conn, error) {
			conn, _ := net.Pipe()
			return cyclicConn{conn}, nil
		}},
	} {
		cfg.Endpoint = parse(t, "http://collector.test/")
		done := make(chan struct{})
		go func() {
			defer close(done)
			res, err := newSender(cfg).Send(t.Context(), []byte("spans"))
			if res.Outcome != delivery.Retryable || !strings.HasSuffix(errorText(err), ": again") {
				t.Errorf("%s: %+v, error %q", name, res, errorText(err))
			}
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("an error %s: the send does not return", name)
		}
	}
}

// cyclic is an error that wraps itself.
type cyclic struct{}

func (cyclic) Error() string   { return "again" }
func (c cyclic) Unwrap() error { return c }

// cyclicConn is a connection that nothing can be written to.
type cyclicConn struct{ net.Conn }

func (cyclicConn) Write([]byte) (int, error) { return 0, cyclic{} }

// touchy is a signer's error whose method panics.
type touchy struct{ error }

func (touchy) RetryNextFlush() bool { panic("when asked") }

// blackHole is a network that never answers: a dial waits until its context ends.
type blackHole struct{ dialing, most, ever atomic.Int64 }

func (b *blackHole) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	b.ever.Add(1)
	n := b.dialing.Add(1)
	defer b.dialing.Add(-1)
	for most := b.most.Load(); n > most && !b.most.CompareAndSwap(most, n); most = b.most.Load() {
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// A hundred flushes of 5 ms each into a black hole leave a bounded number of dials, which end in time and with Close. (At
// most: the abandoned ones, one that is wanted, and one that is being canceled.)
func TestBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hole blackHole
		sender := newSender(config{Endpoint: parse(t, "https://collector.test/"), Dial: hole.dial})
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			if _, err := sender.Send(ctx, []byte("spans")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			cancel()
		}
		synctest.Wait()
		if n := hole.dialing.Load(); n != maxAbandoned || hole.most.Load() > maxAbandoned+2 || hole.ever.Load() != 100 {
			t.Errorf("%d dials under way, %d at most, %d ever", n, hole.most.Load(), hole.ever.Load())
		}
		time.Sleep(maxDial)
		synctest.Wait()
		if n := hole.dialing.Load(); n != 0 {
			t.Errorf("%d dials under way", n)
		}
		// Close cancels abandoned dials at once.
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, _ = sender.Send(ctx, nil)
		synctest.Wait()
		_ = sender.Close()
		synctest.Wait()
		if n := hole.dialing.Load(); n != 0 {
			t.Errorf("%d dials under way after Close", n)
		}
	})
}

// A server that accepts connections and stays silent in the TLS handshake has the same effect.
func TestHandshakeWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int64
		sender := rawBackend(t, config{Endpoint: parse(t, "https://collector.test:4318/")}, func(conn net.Conn) {
			open.Add(1)
			_, _ = io.Copy(io.Discard, conn)
			open.Add(-1)
		})
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			_, _ = sender.Send(ctx, []byte("spans"))
			cancel()
		}
		synctest.Wait()
		if n := open.Load(); n > maxAbandoned {
			t.Errorf("%d connections", n)
		}
		time.Sleep(maxDial)
		synctest.Wait()
		if n := open.Load(); n != 0 {
			t.Errorf("%d connections after %v", n, maxDial)
		}
	})
}

// A dial that outlives its flush serves the next one.
func TestSlowConnectionServesTheNextSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network lambdatest.Network
		var dials atomic.Int64
		b := newBackend(t, config{Dial: func(ctx context.Context, n, addr string) (net.Conn, error) {
			dials.Add(1)
			select {
			case <-time.After(maxDial / 2):
				return network.DialContext(ctx, n, addr)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}, nil)
		b.listen(&network)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := b.sender.Send(ctx, []byte("spans")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		time.Sleep(maxDial)
		b.mustSend("spans")
		if n := dials.Load(); n != 1 {
			t.Errorf("%d connections were opened, want 1", n)
		}
	})
}
