package replay

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
)

// Counts are the span counts of a run. Found = Duplicates + Sent + Rejected + Failed after Flush.
type Counts struct {
	Found      int // in the documents
	Duplicates int // with the trace and span ID of an earlier one
	Sent       int // accepted by the endpoint
	Rejected   int // refused inside requests that the endpoint otherwise accepted
	Failed     int // of requests that the endpoint did not accept
}

// Sender sends spans to an OTLP/HTTP endpoint. One goroutine uses it.
type Sender struct {
	settings Settings
	client   *otlphttp.Client
	endpoint *otlphttp.Sender
	pause    time.Duration // before the second attempt

	seen   map[identity]struct{}
	batch  batch
	counts Counts
	told   bool  // OnRetry was called
	gone   error // the endpoint could not be reached for all of RetryFor
	errs   []error
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

// NewSender returns a Sender, which connects when it first sends. The caller must close it.
func NewSender(s Settings) *Sender {
	client := otlphttp.NewClient(s.Client)
	return &Sender{
		settings: s, client: client, endpoint: client.Endpoint(s.Endpoint), pause: firstPause, seen: map[identity]struct{}{},
	}
}

// Target returns the endpoint's URL without credentials.
func (s *Sender) Target() string { return s.endpoint.Target() }

// Close closes the connections.
func (s *Sender) Close() error { return s.client.Close() }

// Add takes the spans of data that have not come before, and sends full requests. It returns an error only if ctx has ended.
// Flush returns the errors of requests.
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
	s.counts.Found++
	var id identity
	copy(id.trace[:], e.span.GetTraceId())
	copy(id.span[:], e.span.GetSpanId())
	if _, again := s.seen[id]; again {
		s.counts.Duplicates++
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

// Flush sends the remaining spans. It returns the errors of all requests that have failed so far, equal ones once.
func (s *Sender) Flush(ctx context.Context) error {
	if err := s.flush(ctx); err != nil {
		return err
	}
	return errors.Join(s.errs...)
}

// Counts returns the counts so far.
func (s *Sender) Counts() Counts { return s.counts }

func (s *Sender) flush(ctx context.Context) error {
	entries := s.batch.entries
	s.batch = batch{}
	s.send(ctx, entries)
	return context.Cause(ctx)
}

// send delivers entries and counts the result. It halves entries as often as the endpoint refuses them for their size.
func (s *Sender) send(ctx context.Context, entries []entry) {
	if len(entries) == 0 {
		return
	}
	body, err := encode(entries)
	var res delivery.Result
	if err == nil {
		res, err = s.deliver(ctx, body)
	}
	switch {
	case err == nil:
		rejected := int(min(max(res.Rejected, 0), int64(len(entries))))
		s.counts.Sent += len(entries) - rejected
		s.counts.Rejected += rejected
		if rejected > 0 {
			s.fail(fmt.Errorf("rejected by the endpoint: %s", cmp.Or(res.Message, "it does not say why")))
		}
	case res.Outcome == delivery.TooLarge && len(entries) > 1:
		s.send(ctx, entries[:len(entries)/2])
		s.send(ctx, entries[len(entries)/2:])
	default:
		s.counts.Failed += len(entries)
		if res.Hint != "" {
			err = fmt.Errorf("%w; %s", err, res.Hint)
		}
		s.fail(err)
	}
}

// fail keeps err unless an equal one is kept already.
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

// deliver makes attempts until one succeeds, no other one can succeed, or RetryFor has passed. After that it makes no
// attempts any more: it waits once for an endpoint that is down.
func (s *Sender) deliver(ctx context.Context, body []byte) (delivery.Result, error) {
	if s.gone != nil {
		return delivery.Result{}, s.gone
	}
	end := time.Now().Add(s.settings.RetryFor)
	for pause := s.pause; ; pause = min(2*pause, maxPause) {
		res, err := s.endpoint.Send(ctx, body)
		if err == nil && res.Message == otlphttp.WebPage {
			err = fmt.Errorf("send to %s: %s", s.Target(), res.Message)
			return res, err
		}
		if err == nil || !canRetry(res, err) || ctx.Err() != nil {
			return res, err
		}
		wait := max(res.RetryAfter, pause/2+rand.N(pause)) //nolint:gosec // chance, not secrecy
		if time.Now().Add(wait).After(end) {
			s.gone = err
			return res, err
		}
		s.tell(err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return res, err
		}
	}
}

// canRetry reports whether another attempt may succeed. A certificate that is not trusted now will not be in a minute.
func canRetry(res delivery.Result, err error) bool {
	distrust := new(tls.CertificateVerificationError)
	return res.Outcome == delivery.Retryable && !errors.As(err, &distrust)
}

// tell calls OnRetry once.
func (s *Sender) tell(err error) {
	if !s.told && s.settings.OnRetry != nil {
		s.settings.OnRetry(err)
	}
	s.told = true
}
