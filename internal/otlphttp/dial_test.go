package otlphttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
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

// A hundred flushes of 5 ms each into a black hole leave a bounded number of dials: the youngest, which have had less
// time than the others. They end in time and with Close. A dial that is abandoned after Close ends with its request.
// (At most: the abandoned ones, one that is wanted, and one that is being canceled.)
func TestBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var dials []context.Context
		most := 0
		dialing := func() (under []context.Context) {
			return slices.DeleteFunc(slices.Clone(dials), func(ctx context.Context) bool { return ctx.Err() != nil })
		}
		sender := newSender(config{Endpoint: parse(t, "https://collector.test/"), Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			mu.Lock()
			dials = append(dials, ctx)
			most = max(most, len(dialing()))
			mu.Unlock()
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		send := func(d time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			if _, err := sender.Send(ctx, []byte("spans")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		}
		for range 100 {
			send(5 * time.Millisecond)
			synctest.Wait()
		}
		if len(dials) != 100 || !slices.Equal(dialing(), dials[100-maxAbandoned:]) || most > maxAbandoned+2 {
			t.Errorf("%d dials, %d under way, %d at most", len(dials), len(dialing()), most)
		}
		time.Sleep(maxDial)
		synctest.Wait()
		if n := len(dialing()); n != 0 {
			t.Errorf("%d dials under way after %v", n, maxDial)
		}
		send(time.Millisecond)
		go send(time.Second)
		synctest.Wait()
		_ = sender.Close()
		synctest.Wait()
		if n := len(dialing()); n != 1 {
			t.Errorf("%d dials under way after Close, want that of the request under way", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(dialing()); n != 0 {
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
