package emf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/delivery"
)

// writeTime is how long the writes of a request may take. Lambda takes a line within microseconds.
const writeTime = 100 * time.Millisecond

// Sender writes the lines of requests. Each line is one Write, line feed included: the lock of os.Stdout's file then
// keeps other writers out of it.
//
// A Write that does not return is left behind, and Send fails until it has returned. A request that is repeated
// continues after the lines that are written.
type Sender struct {
	out  io.Writer
	slot bounded.Slot

	// The function that the slot admits owns these.
	written []byte // lines of the last request, if the rest was not written
	broken  bool   // the last Write wrote part of a line
}

var _ delivery.Sender = (*Sender)(nil)

// NewSender returns a sender that writes to out.
func NewSender(out io.Writer) *Sender { return &Sender{out: out} }

// Send writes the lines of body. If it cannot write all of them within 100 ms, the rest may be written in the next
// flush.
func (s *Sender) Send(ctx context.Context, _ delivery.Signal, body []byte) (delivery.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	lines := bytes.Clone(body) // a Write that is left behind still reads it
	written := false
	err := s.slot.Call(ctx, 0, func(ctx context.Context) error {
		err := s.write(ctx, lines)
		written = len(s.written) > 0
		return err
	})
	if err != nil {
		result := delivery.Result{Outcome: delivery.RetryNextFlush}
		//nolint:errorlint // package bounded returns its own errors unwrapped; written is set only by a call that has returned
		if leftBehind := err == bounded.ErrNotReturned; leftBehind || err != bounded.ErrStillRunning && written {
			result.AnswersLost = 1 // the next request repeats lines if its points differ
		}
		return result, fmt.Errorf("write to standard output: %w", err)
	}
	return delivery.Result{Outcome: delivery.Accepted, Answered: true}, nil
}

// Limits allow one request at once. The circuit breaker does not count, since a failure takes no time.
func (*Sender) Limits() delivery.Limits { return delivery.Limits{Requests: 1} }

// Close does nothing.
func (*Sender) Close() error { return nil }

// write writes lines, except those that the last request has written.
func (s *Sender) write(ctx context.Context, lines []byte) error {
	done := 0
	if bytes.HasPrefix(lines, s.written) {
		done = len(s.written)
	}
	for done < len(lines) && ctx.Err() == nil {
		line := lines[done : done+bytes.IndexByte(lines[done:], '\n')+1]
		if err := s.writeLine(line); err != nil {
			s.written = lines[:done]
			return err
		}
		done += len(line)
	}
	if done < len(lines) {
		s.written = lines[:done]
		return context.Cause(ctx)
	}
	s.written = nil
	return nil
}

// writeLine writes one line, after a line feed if the last one was written in part.
func (s *Sender) writeLine(line []byte) error {
	if s.broken {
		line = append([]byte{'\n'}, line...)
	}
	n, err := s.out.Write(line)
	switch {
	case err == nil && n == len(line):
		s.broken = false
		return nil
	case err == nil:
		err = errors.New("short write")
	}
	s.broken = s.broken || n > 0
	return err
}
