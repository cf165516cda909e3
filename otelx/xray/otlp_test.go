package xray

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

const ireland = "xray.eu-west-1.amazonaws.com"

func TestRequestsAreSigned(t *testing.T) {
	for _, c := range []struct {
		host, region string
		gzip, token  bool
	}{
		{ireland, "eu-west-1", false, true},
		{ireland, "eu-west-1", true, true},
		{ireland, "eu-west-1", true, false},
		{"xray.cn-north-1.amazonaws.com.cn", "cn-north-1", true, true},
		{"xray-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", false, true},
		{"xray.us-east-2.api.aws", "us-east-2", true, true},
		{"vpce-0123-abcd.xray.us-east-2.vpce.amazonaws.com", "us-east-2", true, true},
	} {
		t.Run(fmt.Sprintf("%s gzip %v token %v", c.host, c.gzip, c.token), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, c.host, c.region)
				b.env["AWS_REGION"] = "ap-south-1" // of the process, not of the endpoint
				if c.gzip {
					b.env["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip"
				}
				if !c.token {
					b.env["AWS_SESSION_TOKEN"] = ""
				}
				s := b.sdk(t, AutoConfigure(), otelx.WithHeaders(map[string]string{"x-tenant": "a  b", "authorization": "Bearer other"}))
				end(s, "a", 3, 1000)
				if err := s.ForceFlush(t.Context()); err != nil {
					t.Error(err)
				}
				b.wantSigned(t, 1, 3)
				header := b.Got()[0].Header
				if _, sent := header["X-Amz-Security-Token"]; sent != c.token || (header.Get("Content-Encoding") == "gzip") != c.gzip {
					t.Errorf("headers %v", header)
				}
				wantAccount(t, s, otelx.Stats{Ended: 3, Exported: 3})
			})
		})
	}
}

func TestRetriesAreSignedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, ireland, "eu-west-1")
		s := b.sdk(t, AutoConfigure())
		b.FailNext(otlpreceiver.Fault{Status: 503, RetryAfter: "2"}, otlpreceiver.Fault{Status: 429, RetryAfter: "400"})
		end(s, "a", 1, 10)
		_ = s.ForceFlush(t.Context()) // it is told to wait for longer than it has
		time.Sleep(time.Hour)         // frozen: a signature of before would not count any more
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		b.wantSigned(t, 3, 1)
		seen := map[string]bool{}
		for _, r := range b.Got() {
			seen[r.Header.Get("X-Amz-Date")] = true
		}
		if len(seen) != 3 {
			t.Errorf("dates %v; want one for each attempt", seen)
		}
	})
}

// TestRequestLimits: neither options nor variables lead beyond what X-Ray takes.
func TestRequestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, ireland, "eu-west-1")
		b.env["OTEL_BSP_MAX_QUEUE_SIZE"], b.env["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "30000", "30000"
		b.env["EPILOGUE_MAX_REQUEST_SIZE"] = "67108864"
		s := b.sdk(t, AutoConfigure())
		end(s, "many", 10_001, 0)
		end(s, "large", 30, 190_000)
		end(s, "too large", 1, 300_000)
		end(s, "last", 1, 10)
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Errorf("ForceFlush: %v", err)
		}
		wantAccount(t, s, otelx.Stats{Ended: 10_033, Exported: 10_033})
		most, largest := 0, 0
		for _, r := range b.Requests() {
			most, largest = max(most, r.Spans), max(largest, r.Size)
		}
		for _, r := range b.Got() {
			if bytes.Contains(r.Bytes, []byte("too large")) && !bytes.Contains(r.Bytes, []byte("… (cut, 300000 bytes)")) {
				t.Error("the span that is too large is not cut")
			}
		}
		if most != 10_000 || largest > 5_000_000 || largest < 4_800_000 {
			t.Errorf("requests of up to %d spans and %d bytes", most, largest)
		}
	})
}

func TestLargeResourceIsReportedOnce(t *testing.T) {
	for _, c := range []struct{ bytes, reports int }{{15_000, 0}, {16_001, 1}} {
		synctest.Test(t, func(t *testing.T) {
			reports := otelerr.Collect(t)
			b := serve(t, ireland, "eu-west-1")
			s := b.sdk(t, AutoConfigure(), otelx.WithResource(resource.NewSchemaless(attribute.String("a", strings.Repeat("x", c.bytes)))))
			for range 3 {
				end(s, "a", 1, 10)
				if err := s.ForceFlush(t.Context()); err != nil {
					t.Error(err)
				}
			}
			b.wantSigned(t, 3, 3)
			got := reports()
			if len(got) != c.reports || c.reports > 0 && !strings.Contains(got[0], "and the backend accepts 16000 (remove attributes") {
				t.Errorf("%d bytes: reports %q", c.bytes, got)
			}
		})
	}
}

func TestNothingIsSignedForOthers(t *testing.T) {
	p := WithCredentials(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("asked for credentials")
	}))
	for name, c := range map[string]struct {
		env  map[string]string
		opts []otelx.Option
		err  string // of New
		fail string // of the flush
	}{
		"a collector":         {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://other.test"}, []otelx.Option{AutoConfigure(p)}, "", ""},
		"a later endpoint":    {nil, []otelx.Option{OTLP("eu-west-1", p), otelx.WithEndpoint("http://other.test/v1/traces")}, "", ""},
		"a lookalike":         {nil, []otelx.Option{otelx.WithEndpoint("http://xray.eu-west-1.amazonaws.com.other.test/"), AutoConfigure(p)}, "", ""},
		"another Host header": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://" + ireland, "OTEL_EXPORTER_OTLP_HEADERS": "host=other.test"}, []otelx.Option{AutoConfigure(p)}, "", "it is not signed"},
		"not https":           {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + ireland}, []otelx.Option{AutoConfigure(p)}, "X-Ray accepts only https", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, ireland, "eu-west-1")
				s, err := newSDK(t, c.env, append(c.opts, otelx.WithDialer(b.net.DialContext))...)
				if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Errorf("New: %v; want %q", err, c.err)
				}
				end(s, "a", 1, 10)
				err = s.ForceFlush(t.Context()) // there is no other listener in this network
				if sent := c.err == ""; (err != nil) != sent || sent && (strings.Contains(err.Error(), "asked for credentials") || !strings.Contains(err.Error(), c.fail)) {
					t.Errorf("ForceFlush: %v", err)
				}
				b.wantSigned(t, 0, 0)
			})
		})
	}
}

func TestEndpointSettings(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		opt  otelx.Option
		want string
	}{
		{nil, OTLP("EU West"), `xray.OTLP("EU West"): not a region (for example eu-west-1)`},
		{nil, OTLP(""), `xray.OTLP(""): no region, and AWS_REGION is not set either`},
		{map[string]string{"AWS_REGION": "x"}, OTLP(""), `AWS_REGION="x": not a region`},
		{map[string]string{"AWS_REGION": "eu-west-1"}, OTLP(""), ""},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://" + ireland}, AutoConfigure(), "endpoint https://" + ireland + ": X-Ray accepts only the path /v1/traces, so nothing is sent (write https://" + ireland + "/v1/traces"},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://" + ireland + "/v1/traces"}, AutoConfigure(), ""},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:secret@" + ireland + "?k=secret"}, AutoConfigure(), "endpoint http://" + ireland + "/v1/traces: X-Ray accepts only https"},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + ireland, "OTEL_TRACES_EXPORTER": "none"}, AutoConfigure(), ""},
	} {
		_, err := newSDK(t, c.env, c.opt)
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%v: %v; want %q", c.env, err, c.want)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("a secret is seen: %v", err)
		}
	}
}
