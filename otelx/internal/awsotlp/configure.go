// Package awsotlp adapts OTLP over HTTP to the OTLP endpoints of AWS: X-Ray for traces, CloudWatch for metrics, and CloudWatch
// Logs. It signs requests, keeps them within the limits of the service, and explains refusals.
package awsotlp

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/epilogue-go/epilogue/internal/otelenv"
	"github.com/epilogue-go/epilogue/otelx/internal/config"
)

// Config configures [AutoConfigure].
type Config struct {
	// Credentials are asked before each attempt. Default: the environment's.
	Credentials aws.CredentialsProvider
	// LogGroup and LogStream are those of log records whose request has no header for them. The endpoint creates neither.
	LogGroup, LogStream string
}

// AutoConfigure adapts a signal to AWS if its endpoint is AWS's; with any other endpoint it does nothing. An endpoint that the
// service cannot serve is an error of New, and nothing is sent there.
func AutoConfigure(signal otelenv.Signal, c Config) config.Option {
	return config.FromEnv(func(getenv func(string) string) config.Option {
		if c.Credentials == nil {
			c.Credentials = environmentCredentials(getenv)
		}
		return config.FromEndpoint(signal, func(endpoint *url.URL) config.Option { return c.at(signal, endpoint) })
	})
}

// at returns the options for endpoint; nil if it is not AWS's.
func (c Config) at(signal otelenv.Signal, endpoint *url.URL) config.Option {
	if endpoint == nil {
		return nil
	}
	s, region := serviceAt(endpoint.Hostname())
	if s == nil {
		return nil
	}
	classify, complete := s.classify, func(*config.Export) error { return nil }
	if s.signal == otelenv.Logs {
		l := &logStream{region: region, group: c.LogGroup, stream: c.LogStream, createdBy: time.Now().Round(0).Add(creationTime)}
		classify, complete = l.classify, l.complete
	}
	if err := s.check(endpoint, signal, region); err != nil {
		complete = func(*config.Export) error { return err }
	}
	return config.ForSignal(signal, func(x *config.Export) {
		x.Sign = newSigner(s, region, c.Credentials).sign
		x.Classify, x.Complete = classify, complete
		x.Limits = s.limits.Or(x.Limits)
	})
}

// check returns why the endpoint, which is the service's, cannot take a signal.
func (s *service) check(endpoint *url.URL, signal otelenv.Signal, region string) error {
	right := "https://" + endpoint.Host + s.path()
	var problem, remedy string
	switch {
	case s.signal != signal:
		problem, remedy = strings.ToLower(string(s.signal)), "set "+signal.Keys("ENDPOINT")[0]+"="+Endpoint(signal, region)
	case !strings.EqualFold(endpoint.Scheme, "https"):
		problem, remedy = "https", "write "+right
	case endpoint.Path != s.path():
		problem, remedy = "the path "+s.path(), "write "+right
	default:
		return nil
	}
	return fmt.Errorf("endpoint %s: %s accepts only %s, so nothing is sent (%s)", otelenv.WithoutSecrets(endpoint), s.title, problem, remedy)
}
