package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
)

const ms = time.Millisecond

var errDown = errors.New("connection refused")

// encoder joins items with commas.
type encoder struct{}

func (encoder) Append(dst []byte, items []string, limit int) ([]byte, int) {
	begin := len(dst)
	for i, item := range items {
		size := len(dst) - begin + len(item)
		if i > 0 {
			size++
		}
		if size > limit {
			return dst, i
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, item...)
	}
	return dst, len(items)
}

func (encoder) Describe(item string) string { return fmt.Sprintf("item %.8q", item) }

func (encoder) Hint() (string, error) { return "", nil }

func newEncoder() delivery.Encoder[string] { return encoder{} }

// reply is what a fake backend does with a request.
type reply struct {
	after  time.Duration
	hangs  bool // until the request's context ends
	deaf   bool // with hangs: the Sender ignores its context until released
	result delivery.Result
	err    error
}

var (
	accepts  = reply{result: delivery.Result{Outcome: delivery.Accepted, Answered: true}}
	hangs    = reply{hangs: true}
	cuts     = reply{result: delivery.Result{Outcome: delivery.Retryable}, err: errDown}
	loses    = reply{result: delivery.Result{Outcome: delivery.Retryable, AnswersLost: 1}, err: errors.New("connection reset")}
	busy     = retryAfter(0)
	refuses  = reply{result: delivery.Result{Outcome: delivery.Refused, Answered: true}, err: errors.New("400 Bad Request")}
	tooLarge = reply{result: delivery.Result{Outcome: delivery.TooLarge, Answered: true}, err: errors.New("413 too large")}
	later    = reply{result: delivery.Result{Outcome: delivery.RetryNextFlush}, err: errors.New("no credentials")}
)

func retryAfter(d time.Duration) reply {
	return reply{
		result: delivery.Result{Outcome: delivery.Retryable, Answered: true, Status: 503, RetryAfter: d},
		err:    errors.New("503 Service Unavailable"),
	}
}

func (r reply) in(d time.Duration) reply {
	r.after = d
	return r
}

// request is a request that a fake backend has got.
type request struct {
	signal   delivery.Signal
	items    string
	at       time.Time
	accepted bool
}

// backend is a Sender. answer decides about each request; it runs under the lock, so scripts need no lock.
type backend struct {
	limits   delivery.Limits
	released chan struct{} // ends replies that are deaf

	mu       sync.Mutex
	answer   func(r request) reply
	requests []request
	atOnce   int
	most     int
	closes   int
	misuse   []string
}

func newBackend(answer func(request) reply) *backend {
	return &backend{
		limits: delivery.Limits{Requests: 32, Breaker: true}, released: make(chan struct{}), answer: answer,
	}
}

// always answers every request with r.
func always(r reply) func(request) reply { return func(request) reply { return r } }

// script answers the first requests with the replies, and accepts the others.
func script(replies ...reply) func(request) reply {
	return func(request) reply {
		if len(replies) == 0 {
			return accepts
		}
		r := replies[0]
		replies = replies[1:]
		return r
	}
}

func (b *backend) become(answer func(request) reply) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

func (b *backend) Limits() delivery.Limits { return b.limits }

func (b *backend) Send(ctx context.Context, s delivery.Signal, body []byte) (delivery.Result, error) {
	b.mu.Lock()
	if b.closes > 0 {
		b.misuse = append(b.misuse, "Send after Close")
	}
	index, items := len(b.requests), string(body)
	b.requests = append(b.requests, request{signal: s, items: items, at: time.Now()})
	b.atOnce++
	b.most = max(b.most, b.atOnce)
	r := b.answer(b.requests[index])
	b.mu.Unlock()
	answered := r.wait(ctx, b.released)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.atOnce--
	if !answered {
		return delivery.Result{Outcome: delivery.Retryable, AnswersLost: 1}, context.Cause(ctx)
	}
	if string(body) != items {
		b.misuse = append(b.misuse, "the body changed while Send ran")
	}
	b.requests[index].accepted = r.err == nil
	return r.result, r.err
}

// wait waits for the time of the reply, and returns false if ctx ends before.
func (r reply) wait(ctx context.Context, released <-chan struct{}) bool {
	if r.after == 0 && !r.hangs {
		return true
	}
	var over <-chan time.Time
	if !r.hangs {
		over = time.After(r.after)
	}
	done := ctx.Done()
	if r.deaf {
		done = nil
	}
	select {
	case <-over:
	case <-released:
	case <-done:
		return false
	}
	return true
}

func (b *backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closes++
	if b.closes > 1 || b.atOnce > 0 {
		b.misuse = append(b.misuse, fmt.Sprintf("Close number %d, with %d calls of Send under way", b.closes, b.atOnce))
	}
	return nil
}

// log returns the requests so far.
func (b *backend) log() []request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// bodies returns the items of the requests so far, a string for each request.
func (b *backend) bodies() (all []string) {
	for _, r := range b.log() {
		all = append(all, r.items)
	}
	return all
}

// delivered returns all items of accepted requests.
func (b *backend) delivered() (all []string) {
	for _, r := range b.log() {
		if r.accepted {
			all = append(all, strings.Split(r.items, ",")...)
		}
	}
	return all
}

func (b *backend) underWay() (now, most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.atOnce, b.most
}

func (b *backend) closed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closes
}

func (b *backend) check(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.misuse {
		t.Error(m)
	}
}
