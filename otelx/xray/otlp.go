package xray

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/awsotlp"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

const regionKey = "AWS_REGION"

// OTLPOption configures [OTLP] and [AutoConfigure].
type OTLPOption interface{ apply(*otlpConfig) }

type otlpConfig struct{ credentials aws.CredentialsProvider }

type otlpOptionFunc func(*otlpConfig)

func (f otlpOptionFunc) apply(c *otlpConfig) { f(c) }

// WithCredentials signs with the credentials of p, which is called before every attempt to send. Wrap a provider that calls a
// service in an aws.CredentialsCache, as aws-sdk-go-v2/config does. An error of p, or credentials without keys, fails the attempt,
// and the spans are kept. A nil p changes nothing.
//
// Environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, read before every attempt. A function needs no
// more. Default: none, and nothing is sent.
func WithCredentials(p aws.CredentialsProvider) OTLPOption {
	return otlpOptionFunc(func(c *otlpConfig) {
		if p != nil {
			c.credentials = p
		}
	})
}

// OTLP sends spans to X-Ray's OTLP endpoint in region. It sets the endpoint, instead of the environment's, and applies
// [AutoConfigure].
//
// Environment: AWS_REGION if region is empty. A value that is not a region is an error, and the endpoint does not change.
func OTLP(region string, opts ...OTLPOption) otelx.Option {
	if region != "" {
		return otlpIn("xray.OTLP(%q)", region, opts)
	}
	return config.FromEnv(func(getenv func(string) string) otelx.Option {
		region := strings.TrimSpace(getenv(regionKey))
		if region == "" {
			return config.Invalid(errors.New(`xray.OTLP(""): no region, and ` + regionKey + ` is not set either (for example eu-west-1); the endpoint does not change`))
		}
		return otlpIn(regionKey+"=%q", region, opts)
	})
}

// otlpIn is OTLP with the name of the setting in errors.
func otlpIn(setting, region string, opts []OTLPOption) otelx.Option {
	if !awsotlp.IsRegion(region) {
		return config.Invalid(fmt.Errorf(setting+": not a region (for example eu-west-1); the endpoint does not change", region))
	}
	return otelx.Options(otelx.WithEndpoint(awsotlp.Endpoint(otelenv.Traces, region)), AutoConfigure(opts...))
}

// AutoConfigure adapts OTLP over HTTP to X-Ray if the endpoint is X-Ray's; with any other endpoint it does nothing. X-Ray's
// endpoints are https://xray.REGION.amazonaws.com/v1/traces, those of China (.amazonaws.com.cn) and of the European
// Sovereign Cloud (.amazonaws.eu), their FIPS (xray-fips) and dual-stack (.api.aws) forms, and a VPC's interface
// endpoints. Then
//
//   - every attempt is signed with AWS Signature Version 4 for the host's region; a request to another host or without https is
//     not signed;
//   - requests have at most 10,000 spans and 5 MB;
//   - a span of more than 200 KB is reduced (see [otelx.WithMaxRequestSize]);
//   - a resource of more than 16 KB together with a scope is reported once;
//   - refusals are reported once with a remedy: CloudWatch Transaction Search is off, the role lacks xray:PutTraceSegments, the
//     credentials have expired, the clock is wrong. In the latter two cases the spans are kept, because the next attempt has
//     another signature.
//
// An endpoint of X-Ray without https, or with another path, is an error, and nothing is sent there.
//
// X-Ray accepts gzip (OTEL_EXPORTER_OTLP_COMPRESSION). It refuses requests with spans that are older than 14 days, more than
// two hours in the future, or more than 24 hours apart.
func AutoConfigure(opts ...OTLPOption) otelx.Option {
	var c otlpConfig
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	return awsotlp.AutoConfigure(otelenv.Traces, awsotlp.Config{Credentials: c.credentials})
}
