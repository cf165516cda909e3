package xray

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

const (
	// header precedes the payload: the daemon's first line and the mark of OTLP protobuf of sampled spans in base64.
	header = `{"format":"json","version":1}` + "\n" + "T1S"
	// maxDatagram is the largest payload of UDP over IPv4.
	maxDatagram = 65507
	// maxRequest is how many bytes of protobuf fit: whole groups of three, of which base64 makes four.
	maxRequest = (maxDatagram - len(header)) / 4 * 3

	// maxTries is how often a datagram is sent. The first try may return the error of the previous datagram; the third is for a
	// daemon that is just starting.
	maxTries = 3
	// firstPause is between the first two tries; it doubles.
	firstPause = time.Millisecond
	// maxWrite is how long a write may wait for room in the socket's buffer.
	maxWrite = 50 * time.Millisecond
)

// udpSender sends requests as datagrams of the X-Ray daemon's protocol, one write each.
type udpSender struct {
	address string
	setting string // the name of the address in errors
	dial    func(ctx context.Context, network, address string) (net.Conn, error)

	mu       sync.Mutex // held by Send and Close, for the fields below
	conn     net.Conn   // nil: not open
	pace     pace
	datagram []byte // memory for one
}

var _ delivery.Sender = (*udpSender)(nil)

func newUDPSender(address, setting string) *udpSender {
	return &udpSender{address: address, setting: setting, dial: new(net.Dialer).DialContext}
}

// Send sends request as one datagram. Success means that the kernel has accepted it.
func (s *udpSender) Send(ctx context.Context, _ delivery.Signal, request []byte) (delivery.Result, error) {
	if len(request) > maxRequest {
		return delivery.Result{Outcome: delivery.TooLarge}, fmt.Errorf("send to X-Ray daemon: %d bytes, a datagram holds %d", len(request), maxRequest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fill(request)
	if err := sleep(ctx, s.pace.delay(len(s.datagram), time.Now())); err != nil {
		return delivery.Result{Outcome: delivery.Retryable}, s.failure(err)
	}
	err := s.try(ctx)
	switch {
	case err == nil:
		return delivery.Result{Outcome: delivery.Accepted}, nil
	case errors.Is(err, syscall.EMSGSIZE): // the system has a bound of its own: 9,216 bytes on macOS
		return delivery.Result{Outcome: delivery.TooLarge}, s.failure(err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return delivery.Result{Outcome: delivery.RetryNextFlush}, s.failure(err)
	}
	return delivery.Result{Outcome: delivery.Retryable}, s.failure(err)
}

// Limits says that the daemon answers nothing, so that a failed attempt costs no time and each flush sends.
func (*udpSender) Limits() delivery.Limits { return delivery.Limits{Requests: 1} }

// fill builds the datagram for request.
func (s *udpSender) fill(request []byte) {
	size := len(header) + base64.StdEncoding.EncodedLen(len(request))
	s.datagram = slices.Grow(s.datagram[:0], size)[:size]
	base64.StdEncoding.Encode(s.datagram[copy(s.datagram, header):], request)
}

// try writes the datagram, and repeats a failure that may pass.
func (s *udpSender) try(ctx context.Context) error {
	pause := firstPause
	for tries := 1; ; tries++ {
		err := s.write(ctx)
		if err == nil || tries == maxTries || errors.Is(err, syscall.EMSGSIZE) || ctx.Err() != nil {
			return err
		}
		if sleep(ctx, pause) != nil {
			return err
		}
		pause *= 2
	}
}

// write writes the datagram once. It closes the socket after an error, because the host's address or the network may have changed,
// for example in a freeze.
func (s *udpSender) write(ctx context.Context) (err error) {
	if s.conn == nil {
		if s.conn, err = s.dial(ctx, "udp", s.address); err != nil {
			s.conn = nil
			return err
		}
	}
	deadline := time.Now().Add(maxWrite)
	if end, bounded := ctx.Deadline(); bounded && end.Before(deadline) {
		deadline = end
	}
	_ = s.conn.SetWriteDeadline(deadline)      // an error is that of a closed socket, and Write says it too
	defer s.conn.SetWriteDeadline(time.Time{}) //nolint:errcheck // the same; without it a timer would be left running
	if _, err = s.conn.Write(s.datagram); err == nil {
		err = pendingError(s.conn)
	}
	if err != nil {
		_ = s.close()
	}
	return err
}

// Close closes the socket. A Send after it opens another.
func (s *udpSender) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.close()
}

func (s *udpSender) close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}

// failure returns err with the address and a remedy.
func (s *udpSender) failure(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("send to X-Ray daemon: no process listens at %s (udp); is %s right? %w", s.address, s.setting, err)
	}
	return fmt.Errorf("send to X-Ray daemon at %s: %w", s.address, err)
}

// sleep waits for d, or returns why ctx has ended.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
