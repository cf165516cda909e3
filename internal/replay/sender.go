package replay

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/epilogue-go/epilogue/internal/delivery"
	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/internal/otlphttp"
	"github.com/epilogue-go/epilogue/internal/spill/lines"
)

// Counts are the counts of a signal: spans, log records or data points. Found = Duplicates + Sent + Rejected + Failed after Flush.
type Counts struct {
	Found      int // in the documents
	Duplicates int // copies of an earlier one: a span with the same trace and span ID, anything else with the same content
	Sent       int // accepted by the endpoint
	Rejected   int // refused inside requests that the endpoint otherwise accepted
	Failed     int // of requests that the endpoint did not accept
}

// signalLimits bound the requests of each signal. AWS X-Ray takes 10,000 spans and 5 MB (AWS X-Ray Developer Guide, "Use the OTLP
// endpoint"), and CloudWatch 1,000 data points and 1 MB, also of log records (CloudWatch User Guide, "OTLP Endpoints").
var signalLimits = map[otelenv.Signal]limits{
	otelenv.Traces: {2000, 2 << 20}, otelenv.Metrics: {1000, 1e6}, otelenv.Logs: {2000, 1e6},
}

// Sender sends the items of documents to an OTLP/HTTP endpoint for each signal. One goroutine uses it.
type Sender struct {
	settings Settings
	streams  map[otelenv.Signal]*stream
}

// NewSender returns a Sender, which connects when it first sends. The caller must close it.
func NewSender(s Settings) *Sender {
	sender := &Sender{settings: s, streams: make(map[otelenv.Signal]*stream)}
	for signal, d := range s.Destinations {
		client := otlphttp.NewClient(d.Client)
		sender.streams[signal] = &stream{
			settings: &sender.settings, limits: signalLimits[signal], client: client, endpoint: client.Endpoint(d.Endpoint),
			pause: firstPause, seen: map[identity]struct{}{},
		}
	}
	return sender
}

// Target returns the URL of the signal's endpoint without credentials.
func (s *Sender) Target(signal otelenv.Signal) string { return s.streams[signal].endpoint.Target() }

// Counts returns the counts so far.
func (s *Sender) Counts(signal otelenv.Signal) Counts { return s.streams[signal].counts }

// Close closes the connections.
func (s *Sender) Close() (err error) {
	for _, one := range s.streams {
		err = errors.Join(err, one.client.Close())
	}
	return err
}

// Add takes the items of a document that have not come before, and sends full requests. It returns an error only if ctx has
// ended. Flush returns the errors of requests.
func (s *Sender) Add(ctx context.Context, d lines.Document) error {
	return entriesOf(d, func(signal otelenv.Signal, e entry) error { return s.streams[signal].add(ctx, e) })
}

// Flush sends the remaining items. It returns the errors of all requests that have failed so far, equal ones of a signal once.
func (s *Sender) Flush(ctx context.Context) (err error) {
	for _, signal := range Signals {
		err = errors.Join(err, s.streams[signal].end(ctx))
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

// stream is the way of one signal.
type stream struct {
	settings *Settings
	limits   limits
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

const (
	firstPause = 500 * time.Millisecond
	maxPause   = 10 * time.Second
	maxErrors  = 5 // of different kinds that are kept
)

func (s *stream) add(ctx context.Context, e entry) error {
	s.counts.Found++
	id, err := identify(e)
	if err != nil {
		s.counts.Failed++
		s.fail(err)
		return nil
	}
	if _, again := s.seen[id]; again {
		s.counts.Duplicates++
		return nil
	}
	s.seen[id] = struct{}{}
	if !s.batch.fits(e, s.limits) {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	s.batch.add(e)
	return nil
}

// end sends the remaining items and returns all errors.
func (s *stream) end(ctx context.Context) error {
	if err := s.flush(ctx); err != nil {
		return err
	}
	return errors.Join(s.errs...)
}

func (s *stream) flush(ctx context.Context) error {
	entries := s.batch.entries
	s.batch = batch{}
	s.send(ctx, entries)
	return context.Cause(ctx)
}

// send delivers entries and counts the result. It halves entries as often as the endpoint refuses them for their size.
func (s *stream) send(ctx context.Context, entries []entry) {
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
func (s *stream) fail(err error) {
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
func (s *stream) deliver(ctx context.Context, body []byte) (delivery.Result, error) {
	if s.gone != nil {
		return delivery.Result{}, s.gone
	}
	end := time.Now().Add(s.settings.RetryFor)
	for pause := s.pause; ; pause = min(2*pause, maxPause) {
		res, err := s.endpoint.Send(ctx, body)
		if err == nil && res.Message == otlphttp.WebPage {
			err = fmt.Errorf("send to %s: %s", s.endpoint.Target(), res.Message)
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
func (s *stream) tell(err error) {
	if !s.told && s.settings.OnRetry != nil {
		s.settings.OnRetry(err)
	}
	s.told = true
}
