package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Account is what became of the spans. Found = Duplicates + Sent + Rejected + Failed once nothing waits any more.
type Account struct {
	Found      int // in the documents
	Duplicates int // of a trace and span id that came before
	Sent       int // accepted by the endpoint
	Rejected   int // refused inside requests that it otherwise accepted
	Failed     int // of requests that it did not accept
}

// Sender sends spans to an OTLP/HTTP endpoint. One goroutine uses it.
type Sender struct {
	settings  Settings
	transport *http.Transport
	pause     time.Duration // before the second attempt

	seen    map[identity]struct{}
	batch   batch
	account Account
	told    bool  // Retrying was called
	gone    error // the endpoint could not be reached for all of the patience
	errs    []error
}

type identity struct {
	trace [16]byte
	span  [8]byte
}

const (
	firstPause = 500 * time.Millisecond
	maxPause   = 10 * time.Second
	maxErrors  = 5 // of different kinds that are kept
)

// NewSender returns a Sender, which connects when there is something to send. Who made it must call Close.
func NewSender(s Settings) *Sender {
	return &Sender{settings: s, transport: newTransport(s.TLS), pause: firstPause, seen: map[identity]struct{}{}}
}

// Close lets go of the connections.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Add takes the spans of data, each unless it has come before, and sends those of full requests. It returns an error
// only when ctx has ended; of requests that fail, Flush tells.
func (s *Sender) Add(ctx context.Context, data *tracepb.TracesData) error {
	for _, r := range data.GetResourceSpans() {
		for _, scope := range r.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				if err := s.add(ctx, entry{r, scope, span}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *Sender) add(ctx context.Context, e entry) error {
	s.account.Found++
	var id identity
	copy(id.trace[:], e.span.GetTraceId())
	copy(id.span[:], e.span.GetSpanId())
	if _, again := s.seen[id]; again {
		s.account.Duplicates++
		return nil
	}
	s.seen[id] = struct{}{}
	if !s.batch.fits(e) {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	s.batch.add(e)
	return nil
}

// Flush sends what is left. It returns the errors of all requests that have failed since the beginning, of many alike
// one.
func (s *Sender) Flush(ctx context.Context) error {
	if err := s.flush(ctx); err != nil {
		return err
	}
	return errors.Join(s.errs...)
}

// Account returns the counts.
func (s *Sender) Account() Account { return s.account }

func (s *Sender) flush(ctx context.Context) error {
	entries := s.batch.entries
	s.batch = batch{}
	s.send(ctx, entries)
	return context.Cause(ctx)
}

// send delivers entries, halved as often as the endpoint refuses them for their size, and enters what came of it.
func (s *Sender) send(ctx context.Context, entries []entry) {
	if len(entries) == 0 {
		return
	}
	body, err := encode(entries)
	var res response
	if err == nil {
		res, err = s.deliver(ctx, body)
	}
	switch {
	case err == nil:
		rejected := min(len(entries), max(0, int(min(res.rejected, int64(len(entries))))))
		s.account.Sent += len(entries) - rejected
		s.account.Rejected += rejected
		if rejected > 0 {
			s.fail(fmt.Errorf("rejected by the endpoint: %s", cmp.Or(res.message, "it does not say why")))
		}
	case res.status == http.StatusRequestEntityTooLarge && len(entries) > 1:
		s.send(ctx, entries[:len(entries)/2])
		s.send(ctx, entries[len(entries)/2:])
	default:
		s.account.Failed += len(entries)
		s.fail(err)
	}
}

// fail keeps err, unless there is one like it.
func (s *Sender) fail(err error) {
	for _, have := range s.errs {
		if have.Error() == err.Error() {
			return
		}
	}
	if len(s.errs) < maxErrors {
		s.errs = append(s.errs, err)
	}
}

// deliver makes attempts until one succeeds, another makes no sense or the patience is used up. After that, it makes
// none any more: an endpoint that is down is waited for once.
func (s *Sender) deliver(ctx context.Context, body []byte) (response, error) {
	if s.gone != nil {
		return response{}, s.gone
	}
	end := time.Now().Add(s.settings.Patience)
	for pause := s.pause; ; pause = min(2*pause, maxPause) {
		res, err := s.attempt(ctx, body)
		if err == nil || !res.retryable || ctx.Err() != nil {
			return res, err
		}
		wait := max(res.retryAfter, pause/2+rand.N(pause)) //nolint:gosec // chance, not secrecy
		if time.Now().Add(wait).After(end) {
			s.gone = err
			return res, err
		}
		if !s.told && s.settings.Retrying != nil {
			s.settings.Retrying(err)
		}
		s.told = true
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return res, err
		}
	}
}
