package xray

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/otelx"
)

const (
	// header stands before the payload: the daemon's own first line, and what follows it, which is OTLP protobuf of
	// sampled spans in base64. Other spans are not exported.
	header = `{"format":"json","version":1}` + "\n" + "T1S"
	// maxDatagram is the most that UDP over IPv4 carries.
	maxDatagram = 65507
	// maxRequest is how many bytes of protobuf fit in there: whole groups of three, which base64 makes four of.
	maxRequest = (maxDatagram - len(header)) / 4 * 3

	// maxTries is how often a datagram is sent. The socket tells of the datagram before at the first try; the second is
	// for this one, and the third for a daemon that was just starting.
	maxTries = 3
	// firstPause is between the first two tries; it doubles.
	firstPause = time.Millisecond
	// maxWrite is how long a write may wait for room in the socket's buffer, which empties at the speed of the network.
	maxWrite = 50 * time.Millisecond
)

// udpSender sends requests as datagrams of the X-Ray daemon's protocol, one write each.
type udpSender struct {
	address string
	setting string // what the user has given, or can give, the address by
	dial    func(ctx context.Context, network, address string) (net.Conn, error)

	turn     chan struct{} // holds a token while a Send runs, which owns all below
	conn     net.Conn      // nil: not open
	pace     pace
	datagram []byte // memory for one
}

var _ otelx.Sender = (*udpSender)(nil)

func newUDPSender(address, setting string) *udpSender {
	return &udpSender{address: address, setting: setting, dial: new(net.Dialer).DialContext, turn: make(chan struct{}, 1)}
}

// Send sends request as one datagram. What it returns says nothing of what the daemon does with it.
func (s *udpSender) Send(ctx context.Context, request []byte) (otelx.SendResult, error) {
	if len(request) > maxRequest {
		return otelx.SendResult{TooLarge: true}, fmt.Errorf("send to X-Ray daemon: %d bytes, a datagram holds %d", len(request), maxRequest)
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return otelx.SendResult{Retryable: true}, s.failure(context.Cause(ctx))
	}
	defer func() { <-s.turn }()
	s.fill(request)
	if err := sleep(ctx, s.pace.delay(len(s.datagram), time.Now())); err != nil {
		return otelx.SendResult{Retryable: true}, s.failure(err)
	}
	err := s.try(ctx)
	switch {
	case err == nil:
		return otelx.SendResult{}, nil
	case errors.Is(err, syscall.EMSGSIZE): // the system has a bound of its own: 9,216 bytes on macOS
		return otelx.SendResult{TooLarge: true}, s.failure(err)
	}
	return otelx.SendResult{Retryable: true, RetryNextFlush: errors.Is(err, syscall.ECONNREFUSED)}, s.failure(err)
}

// fill makes the datagram that carries request.
func (s *udpSender) fill(request []byte) {
	size := len(header) + base64.StdEncoding.EncodedLen(len(request))
	s.datagram = slices.Grow(s.datagram[:0], size)[:size]
	base64.StdEncoding.Encode(s.datagram[copy(s.datagram, header):], request)
}

// try writes the datagram, a few times where that fails for something that may pass.
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

// write writes the datagram once. After an error the socket is not used again: the host's address may be another by now,
// or the network of a function that was frozen.
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
		_ = s.Close()
	}
	return err
}

// Close closes the socket. A Send after it opens another.
func (s *udpSender) Close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}

// failure is err in words for the user.
func (s *udpSender) failure(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("send to X-Ray daemon: nobody listens at %s (udp); is %s right? %w", s.address, s.setting, err)
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
