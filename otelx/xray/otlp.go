package xray

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/epilogue-go/epilogue/otelx"
)

const (
	regionKey = "AWS_REGION"
	service   = "xray" // in the scope of a signature
)

// limits of the endpoint for traces (Amazon CloudWatch User Guide, "OTLP Endpoints"): 5 MB and 10,000 spans in a request,
// 200 KB a span, 16 KB a resource with its scope. Of what a kilobyte is they are the smaller reading.
var limits = otelx.Limits{RequestBytes: 5_000_000, RequestSpans: 10_000, SpanBytes: 200_000, ResourceBytes: 16_000}

// OTLPOption configures [OTLP] and [AutoConfigure].
type OTLPOption interface{ apply(*otlpConfig) }

type otlpConfig struct{ credentials aws.CredentialsProvider }

type otlpOptionFunc func(*otlpConfig)

func (f otlpOptionFunc) apply(c *otlpConfig) { f(c) }

// WithCredentials signs with what p returns, which is asked before every attempt to send; a provider that asks a service
// belongs into an aws.CredentialsCache, as that of aws-sdk-go-v2/config is. An error of p's, or credentials without keys,
// fail the attempt, and the spans are kept. A nil p changes nothing.
//
// Environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, read before every attempt, which is all
// that a function needs. Default: none, and nothing is sent.
func WithCredentials(p aws.CredentialsProvider) OTLPOption {
	return otlpOptionFunc(func(c *otlpConfig) {
		if p != nil {
			c.credentials = p
		}
	})
}

// OTLP sends spans to X-Ray's OTLP endpoint in region, as [AutoConfigure] does: it sets the endpoint, beating the environment's.
//
// Environment: AWS_REGION where region is empty. What is no region is an error, and the endpoint stays what it was.
func OTLP(region string, opts ...OTLPOption) otelx.Option {
	if region != "" {
		return otlpIn("xray.OTLP(%q)", region, opts)
	}
	return otelx.FromEnv(func(getenv func(string) string) otelx.Option {
		region := strings.TrimSpace(getenv(regionKey))
		if region == "" {
			return otelx.Invalid(errors.New(`xray.OTLP(""): ` + regionKey + ` is not set either; write a region such as eu-west-1. The endpoint stays as it was`))
		}
		return otlpIn(regionKey+"=%q", region, opts)
	})
}

// otlpIn is OTLP with what errors call the setting.
func otlpIn(setting, region string, opts []OTLPOption) otelx.Option {
	if !isRegion(region) {
		return otelx.Invalid(fmt.Errorf(setting+": no region; write one such as eu-west-1. The endpoint stays as it was", region))
	}
	return otelx.Options(otelx.WithEndpoint(endpointOf(region)), AutoConfigure(opts...))
}

// AutoConfigure makes of OTLP over HTTP what X-Ray's endpoint wants, where that is the endpoint; with any other it does
// nothing. X-Ray's are https://xray.REGION.amazonaws.com/v1/traces, those of China (.amazonaws.com.cn) and of the European
// Sovereign Cloud (.amazonaws.eu), their FIPS (xray-fips) and dual-stack (.api.aws) forms, and a VPC's interface
// endpoints. Then
//
//   - every attempt is signed anew with AWS Signature Version 4, for the host's region, and nothing is signed that goes
//     to another host or not by https;
//   - requests have at most 10,000 spans and 5 MB; a span of more than 200 KB is dropped as too large, with its name in
//     the error of the flush; a resource of more than 16 KB together with a scope is reported once;
//   - refusals are reported once in words that say what to do: CloudWatch Transaction Search is off, the role may not
//     xray:PutTraceSegments, the credentials have expired, the clock is wrong. Where one of the latter two is the reason the
//     spans are kept, since the next attempt has another signature.
//
// X-Ray takes gzip (OTEL_EXPORTER_OTLP_COMPRESSION). It refuses requests with spans that are older than 14 days, more than
// two hours in the future, or more than 24 hours apart.
func AutoConfigure(opts ...OTLPOption) otelx.Option {
	return otelx.FromEnv(func(getenv func(string) string) otelx.Option {
		c := otlpConfig{credentials: environmentCredentials(getenv)}
		for _, o := range opts {
			if o != nil {
				o.apply(&c)
			}
		}
		return otelx.FromEndpoint(c.at)
	})
}

// at returns what endpoint wants; nil where it is not X-Ray's.
func (c otlpConfig) at(endpoint *url.URL) otelx.Option {
	if endpoint == nil || regionOf(endpoint.Hostname()) == "" {
		return nil
	}
	shown := (&url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host, Path: endpoint.Path}).String()
	if !strings.EqualFold(endpoint.Scheme, "https") {
		return otelx.Invalid(fmt.Errorf("endpoint %s: X-Ray takes https only; write https://. Nothing is signed", shown))
	}
	var wrong error
	if endpoint.Path != tracesPath {
		wrong = fmt.Errorf("endpoint %s: X-Ray takes traces at %s only; write https://%s%s", shown, tracesPath, endpoint.Host, tracesPath)
	}
	return otelx.Options(
		otelx.WithSigner(newSigner(c.credentials).sign),
		otelx.WithLimits(limits),
		otelx.WithErrorClassifier(hint),
		otelx.Invalid(wrong),
	)
}
