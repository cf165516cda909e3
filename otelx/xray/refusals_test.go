package xray

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// TestRefusalsAreExplainedOnce: the account is exact each time, and what to do is said the first time.
func TestRefusalsAreExplainedOnce(t *testing.T) {
	const off = "The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination."
	synctest.Test(t, func(t *testing.T) {
		reports := otelerr.Collect(t)
		b := serve(t, ireland, "eu-west-1")
		s := b.sdk(t, AutoConfigure())
		for range 3 {
			b.FailNext(otlpreceiver.Fault{Status: 400, Message: off})
			end(s, "a", 2, 10)
			err := s.ForceFlush(t.Context())
			var drop *otelx.DropError
			if !errors.As(err, &drop) || drop.Dropped != (otelx.Dropped{Refused: 2}) || !strings.Contains(err.Error(), off) {
				t.Errorf("ForceFlush: %v", err)
			}
			time.Sleep(time.Hour)
		}
		wantAccount(t, s, otelx.Stats{Ended: 6, Dropped: otelx.Dropped{Refused: 6}})
		got := reports()
		if len(got) != 1 || !strings.Contains(got[0], off) || !strings.Contains(got[0], "switch on CloudWatch Transaction Search in this account and region") {
			t.Errorf("reports %q", got)
		}
		b.FailNext(otlpreceiver.Fault{Status: 403, Message: "User: arn:aws:sts::1:x is not authorized to perform: xray:PutTraceSegments because …"})
		end(s, "a", 1, 10)
		_ = s.ForceFlush(t.Context())
		if got := reports(); len(got) != 2 || !strings.Contains(got[1], "allow the role xray:PutTraceSegments") {
			t.Errorf("reports %q", got)
		}
	})
}

// TestExpiredIsNotLost: each attempt is signed anew, so what X-Ray says of an old signature or of old credentials is not its
// last word. Such spans were dropped.
func TestExpiredIsNotLost(t *testing.T) {
	for name, c := range map[string]struct{ message, said string }{
		"a request that a freeze has held up": {"Signature expired: 20261127T100000Z is now earlier than 20261127T105500Z (20261127T110000Z - 5 min.)", "a signature counts for minutes only"},
		"credentials not renewed yet":         {"The security token included in the request is expired", "the credentials have expired"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reports := otelerr.Collect(t)
				b := serve(t, ireland, "eu-west-1")
				s := b.sdk(t, AutoConfigure())
				b.FailNext(otlpreceiver.Fault{Status: 403, Message: c.message})
				end(s, "a", 2, 10)
				if err := s.ForceFlush(t.Context()); err != nil {
					t.Error(err)
				}
				b.wantSigned(t, 2, 2)
				wantAccount(t, s, otelx.Stats{Ended: 2, Exported: 2})
				if got := reports(); len(got) != 1 || !strings.Contains(got[0], c.said) {
					t.Errorf("reports %q", got)
				}
			})
		})
	}
}

// TestRedirectsOfXRay: a redirect to the same path is followed with a signature of its own. For another path of X-Ray, which is another
// call of its API, nothing is signed, and the spans are kept.
func TestRedirectsOfXRay(t *testing.T) {
	for location, failure := range map[string]string{
		"/v1/traces?x=1": "", "/TraceSegments": "amazonaws.com/TraceSegments: sign request: the request goes to /TraceSegments",
		"https://xray.eu-west-2.amazonaws.com/v1/traces": "amazonaws.com/v1/traces not followed; set the endpoint",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := serve(t, ireland, "eu-west-1")
			s := b.sdk(t, AutoConfigure())
			b.FailNext(otlpreceiver.Fault{Status: 307, Location: location})
			end(s, "a", 2, 10)
			err := s.ForceFlush(t.Context())
			if failure == "" {
				if err != nil {
					t.Error(err)
				}
				b.wantSigned(t, 2, 2)
				return
			}
			if err == nil || !strings.Contains(err.Error(), failure) {
				t.Errorf("%s: %v", location, err)
			}
			b.wantSigned(t, 1, 0)
			wantAccount(t, s, otelx.Stats{Ended: 2, Pending: 2})
		})
	}
}
