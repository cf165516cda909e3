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
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/memnet"
)

// tlsHandshake is the first byte of a TLS connection.
const tlsHandshake = 22

// rawBackend answers each connection with serve, after the request "spans" has been read.
func rawBackend(t *testing.T, cfg config, serve func(net.Conn)) *testSender {
	t.Helper()
	network := new(memnet.Network)
	l, err := network.Listen("collector.test:4318")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				var request []byte
				for b := make([]byte, 4096); !bytes.HasSuffix(request, []byte("spans")); {
					n, err := conn.Read(b)
					if request = append(request, b[:n]...); err != nil || n == 0 || request[0] == tlsHandshake {
						break
					}
				}
				serve(conn)
			}()
		}
	}()
	if cfg.Endpoint == nil {
		cfg.Endpoint = parse(t, "http://collector.test:4318/v1/traces")
	}
	cfg.Dial = network.DialContext
	sender := newSender(cfg)
	t.Cleanup(func() {
		_ = sender.Close()
		_ = l.Close()
		<-done
	})
	return sender
}

// pour writes text repeatedly with a pause between, until the peer closes, and returns the number of bytes.
func pour(conn net.Conn, begin, text string, pause time.Duration) (written int) {
	_, err := io.WriteString(conn, begin)
	for err == nil && written < 64<<20 {
		var n int
		n, err = io.WriteString(conn, text)
		written += n
		time.Sleep(pause)
	}
	return written
}

// A bounded part of a response is read, and the attempt ends in time however slow the response is.
func TestAnswersWithoutEnd(t *testing.T) {
	const timeout = 3 * time.Second
	for name, test := range map[string]struct {
		begin, text string
		pause       time.Duration
		err         string // empty: accepted, with a remark
	}{
		"status line":        {"HTTP/1.1 ", "x", 0, "server response headers exceeded"},
		"header":             {"HTTP/1.1 200 OK\r\n", "X-More: of the same\r\n", 0, "server response headers exceeded"},
		"one header":         {"HTTP/1.1 200 OK\r\nX-Long: ", "0123456789", 0, "server response headers exceeded"},
		"informational":      {"", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 0, "server response headers exceeded"},
		"body":               {"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\r\n", "spans", 0, ""},
		"chunks":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 0, ""},
		"slow header":        {"HTTP/1.1 200 OK\r\n", "X-More: of the same\r\n", time.Second, "no answer within 3s"},
		"slow informational": {"", "HTTP/1.1 102 Processing\r\n\r\n", time.Second, "no answer within 3s"},
		"slow body":          {"HTTP/1.1 200 OK\r\n\r\n", "x", time.Second, ""},
		"silence":            {"", "", time.Second, "no answer within 3s"},
		"another protocol":   {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "", time.Second, "101 Switching Protocols; does the endpoint lead to an OTLP receiver?"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var written atomic.Int64
				sender := rawBackend(t, config{Timeout: timeout}, func(conn net.Conn) {
					written.Store(int64(pour(conn, test.begin, test.text, test.pause)))
				})
				begun := time.Now()
				res, err := sender.Send(t.Context(), []byte("spans"))
				if test.err == "" && (err != nil || !strings.Contains(res.Message, "could not be read")) ||
					test.err != "" && !strings.Contains(errorText(err), test.err) {
					t.Errorf("%+v, error %q, want %q", res, errorText(err), test.err)
				}
				if took := time.Since(begun); took > timeout {
					t.Errorf("took %v", took)
				}
				if n := len(errorText(err)) + len(res.Message); n > 500 {
					t.Errorf("%d bytes of text", n)
				}
				time.Sleep(time.Minute) // the other end notices
				if n := written.Load(); n > 1<<20 {
					t.Errorf("%d bytes taken", n)
				}
			})
		})
	}
}

// A compressed response, which was not requested, is not decompressed: it could become gigabytes.
func TestCompressedAnswerIsNotExpanded(t *testing.T) {
	for status, want := range map[int]string{
		200: "accepted, but the answer is compressed, which was not asked for",
		400: "400 Bad Request: (the answer is compressed, which was not asked for)",
	} {
		b := newBackend(t, config{}, respond(status, contentType, []byte("\x1f\x8b\x08 and so on"), "Content-Encoding", "gzip"))
		res, err := b.sender.Send(t.Context(), []byte("spans"))
		if got := res.Message + errorText(err); !strings.HasSuffix(got, want) {
			t.Errorf("%d: %q", status, got)
		}
	}
}

// The target of a redirect gets neither spans nor credentials.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var asked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		here := httptest.NewServer(respond(status, contentType, nil, "Location", other.URL+"/v1/traces?to=s3cret"))
		sender := newSender(config{Endpoint: parse(t, here.URL), Headers: map[string]string{"api-key": "s3cret"}})
		res, err := sender.Send(t.Context(), []byte("spans"))
		if want := "to " + other.URL + "/v1/traces not followed; set the endpoint to the final address"; res.Outcome != Refused || res.Status != status || !strings.HasSuffix(errorText(err), want) {
			t.Errorf("%d: %+v, %v", status, res, err)
		}
		_ = sender.Close()
		here.Close()
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the other host got %d requests", n)
	}
}

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
		if res.Outcome != Retryable || !strings.HasSuffix(errorText(err), want) {
			t.Errorf("%+v, error %q, want …%q", res, errorText(err), want)
		}
	}
}

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
		var network memnet.Network
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
