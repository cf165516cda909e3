package xray

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// socket is a connected UDP socket that a test scripts and reads back. It is each connection that dial makes.
type socket struct {
	net.Conn

	most   int           // bytes of a datagram; 0: any
	stuck  bool          // writes wait for their deadline
	taking time.Duration // what a write takes

	mu        sync.Mutex
	script    []error // of the next writes; then nil
	dialErrs  []error // of the next dials; then nil
	datagrams [][]byte
	at        []time.Time
	deadline  time.Time
	dials     int
	open      int
}

func (s *socket) dial(_ context.Context, network, address string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if network != "udp" || address != "daemon:2000" {
		return nil, errors.New("dial " + network + " " + address)
	}
	s.dials++
	if len(s.dialErrs) > 0 {
		err := s.dialErrs[0]
		s.dialErrs = s.dialErrs[1:]
		return nil, err
	}
	s.open++
	return s, nil
}

func (s *socket) Write(b []byte) (int, error) {
	time.Sleep(s.taking)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stuck {
		time.Sleep(time.Until(s.deadline))
		return 0, os.ErrDeadlineExceeded
	}
	if s.most > 0 && len(b) > s.most {
		return 0, syscall.EMSGSIZE
	}
	if len(s.script) > 0 {
		err := s.script[0]
		s.script = s.script[1:]
		if err != nil {
			return 0, err
		}
	}
	s.datagrams = append(s.datagrams, slices.Clone(b))
	s.at = append(s.at, time.Now())
	return len(b), nil
}

func (s *socket) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	return nil
}

func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	return nil
}

// sender is a udpSender on s.
func (s *socket) sender() *udpSender {
	u := newUDPSender("daemon:2000", daemonAddressKey)
	u.dial = s.dial
	return u
}

// options makes otelx use s.
func (s *socket) options() otelx.Option {
	return config.Options(config.WithSender(s.sender()), config.WithLimits(config.Limits{RequestBytes: maxRequest}))
}

func TestDatagram(t *testing.T) {
	s := new(socket)
	u := s.sender()
	request := []byte(strings.Repeat("span\x00\xff", 10_000))
	sizes := []int{0, 1, 2, 3, 4, 100, 49_101, 49_102, 49_103, 49_104, 7} // the largest, and less after it
	for _, n := range sizes {
		if res, err := u.Send(t.Context(), delivery.Traces, request[:n]); err != nil || res != (delivery.Result{}) {
			t.Errorf("%d bytes: %+v, %v", n, res, err)
		}
	}
	for i, n := range sizes {
		want := "{\"format\":\"json\",\"version\":1}\nT1S" + base64.StdEncoding.EncodeToString(request[:n])
		if got := string(s.datagrams[i]); got != want {
			t.Errorf("%d bytes became %d; want %d:\n%.80q", n, len(got), len(want), got)
		}
		if len(s.datagrams[i]) > 65_507 {
			t.Errorf("%d bytes became %d, and UDP carries 65,507", n, len(s.datagrams[i]))
		}
	}
	if res, err := u.Send(t.Context(), delivery.Traces, request[:49_105]); err == nil || res.Outcome != delivery.TooLarge {
		t.Errorf("a byte too many: %+v, %v", res, err)
	}
	if s.dials != 1 || !s.deadline.IsZero() {
		t.Errorf("%d dials; deadline %v is left", s.dials, s.deadline)
	}
	if err := errors.Join(u.Close(), u.Close()); err != nil || s.open != 0 {
		t.Errorf("Close: %v, %d open", err, s.open)
	}
}

func TestWriteErrors(t *testing.T) {
	busy, refused, gone := syscall.ENOBUFS, syscall.ECONNREFUSED, net.ErrClosed
	for _, c := range []struct {
		name      string
		script    []error
		dialErrs  []error
		delivered bool
		dials     int
		took      time.Duration
		err       string
	}{
		{"none", nil, nil, true, 1, 0, ""},
		{"no room, then some", []error{busy, busy, nil}, nil, true, 3, 3 * time.Millisecond, ""},
		{"no room at all", []error{busy, busy, busy}, nil, false, 3, 3 * time.Millisecond, "send to X-Ray daemon at daemon:2000: no buffer space"},
		{"the datagram before was refused", []error{refused, nil}, nil, true, 2, time.Millisecond, ""},
		{"no listener", []error{refused, refused, refused}, nil, false, 3, 3 * time.Millisecond, "no process listens at daemon:2000 (udp); is AWS_XRAY_DAEMON_ADDRESS right?"},
		{"too large for the system", []error{syscall.EMSGSIZE}, nil, false, 1, 0, "message too long"},
		{"closed under it", []error{gone, nil}, nil, true, 2, time.Millisecond, ""},
		{"no network yet", nil, []error{syscall.ENETUNREACH}, true, 2, time.Millisecond, ""},
		{"no such host", nil, []error{errors.New("no such host"), errors.New("no such host"), errors.New("no such host")}, false, 3, 3 * time.Millisecond, "no such host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &socket{script: c.script, dialErrs: c.dialErrs}
				u, began := s.sender(), time.Now()
				res, err := u.Send(t.Context(), delivery.Traces, []byte("spans"))
				if took := time.Since(began); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
				if c.delivered != (err == nil) || c.delivered != (len(s.datagrams) == 1) || s.dials != c.dials {
					t.Errorf("%v; %d datagrams, %d dials", err, len(s.datagrams), s.dials)
				}
				want := delivery.Retryable
				switch {
				case c.delivered:
					want = delivery.Accepted
				case c.script != nil && errors.Is(c.script[0], refused):
					want = delivery.RetryNextFlush
				case c.script != nil && errors.Is(c.script[0], syscall.EMSGSIZE):
					want = delivery.TooLarge
				}
				if res.Outcome != want {
					t.Errorf("outcome %s, want %s", res.Outcome, want)
				}
				if !c.delivered && !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v; want %q", err, c.err)
				}
				_ = u.Close()
				if s.open != 0 {
					t.Errorf("%d sockets are left open", s.open)
				}
			})
		})
	}
}

// A full buffer holds a write for 50 ms at most, and no longer than the flush has.
func TestStuckWriteIsBounded(t *testing.T) {
	for _, c := range []struct{ has, took time.Duration }{
		{time.Hour, 153 * time.Millisecond},
		{70 * time.Millisecond, 70 * time.Millisecond},
		{10 * time.Millisecond, 10 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &socket{stuck: true}
			u, began := s.sender(), time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), c.has)
			defer cancel()
			res, err := u.Send(ctx, delivery.Traces, []byte("spans"))
			if took := time.Since(began); err == nil || res.Outcome != delivery.Retryable || took != c.took {
				t.Errorf("with %s: %+v, %v after %s; want %s", c.has, res, err, took, c.took)
			}
		})
	}
}
