package xray

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/epilogue-go/epilogue/internal/otelerr"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
	"github.com/epilogue-go/epilogue/otelx/internal/awstest"
)

func TestCredentialsAreReadAtEachSigning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, ireland, "eu-west-1")
		s := b.sdk(t, AutoConfigure())
		end(s, "a", 1, 10)
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		b.Secrets = map[string]string{"AKIDNEW": "new"} // the others count no more
		b.env["AWS_ACCESS_KEY_ID"], b.env["AWS_SECRET_ACCESS_KEY"], b.env["AWS_SESSION_TOKEN"] = "AKIDNEW", "new", "newer"
		end(s, "b", 1, 10)
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		b.wantSigned(t, 2, 2)
		if got := b.Got()[1].Header.Get("X-Amz-Security-Token"); got != "newer" {
			t.Errorf("token %q", got)
		}
	})
}

func TestProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, ireland, "eu-west-1")
		for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
			delete(b.env, name)
		}
		var broken error
		asked := 0
		p := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			asked++
			return aws.Credentials{AccessKeyID: awstest.KeyID, SecretAccessKey: awstest.Secret}, broken
		})
		s := b.sdk(t, OTLP("eu-west-1", WithCredentials(p), WithCredentials(nil), nil))
		end(s, "a", 1, 10)
		if err := s.ForceFlush(t.Context()); err != nil || asked != 1 {
			t.Errorf("%v; asked %d times", err, asked)
		}
		broken = errors.New("no role")
		end(s, "b", 1, 10)
		if err := s.ForceFlush(t.Context()); err == nil || !strings.Contains(err.Error(), "retrieve AWS credentials: no role") {
			t.Error(err)
		}
		wantAccount(t, s, otelx.Stats{Ended: 2, Exported: 1, Pending: 1})
		broken = nil
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		b.wantSigned(t, 2, 2)
	})
}

func TestWithoutCredentialsNothingIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, ireland, "eu-west-1")
		b.env["AWS_SECRET_ACCESS_KEY"] = ""
		s := b.sdk(t, AutoConfigure())
		end(s, "a", 1, 10)
		began := time.Now()
		if err := s.ForceFlush(t.Context()); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set") {
			t.Error(err)
		}
		if took := time.Since(began); took != 0 { // once as long as a backend is given that is down for a moment
			t.Errorf("it took %s to find that out", took)
		}
		b.wantSigned(t, 0, 0)
		wantAccount(t, s, otelx.Stats{Ended: 1, Pending: 1})
		b.env["AWS_SECRET_ACCESS_KEY"] = awstest.Secret
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		b.wantSigned(t, 1, 1)
	})
}

// A provider without keys, and without an error, once had requests signed with nothing, its token in them.
func TestEmptyCredentialsSignNothing(t *testing.T) {
	for _, c := range []aws.Credentials{{}, {SessionToken: awstest.Token}, {AccessKeyID: awstest.KeyID, SessionToken: awstest.Token}} {
		synctest.Test(t, func(t *testing.T) {
			b := serve(t, ireland, "eu-west-1")
			s := b.sdk(t, AutoConfigure(WithCredentials(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil }))))
			end(s, "a", 1, 10)
			if err := s.ForceFlush(t.Context()); err == nil || !strings.Contains(err.Error(), "the provider returned none") {
				t.Error(err)
			}
			b.wantSigned(t, 0, 0)
			wantAccount(t, s, otelx.Stats{Ended: 1, Pending: 1})
		})
	}
}

// TestCredentialsAreNeverSeen: a server that repeats all it was sent does not get it into an error or a log.
func TestCredentialsAreNeverSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports := otelerr.Collect(t)
		b := serve(t, ireland, "eu-west-1")
		s := b.sdk(t, AutoConfigure())
		b.FailNext(otlpreceiver.Fault{Status: 400, Message: "we know " + awstest.KeyID + " and " + strings.ToLower(awstest.Secret) + "?"})
		var said []string
		for _, status := range []int{http.StatusForbidden, http.StatusServiceUnavailable, 0} {
			b.Echo(status)
			end(s, "a", 1, 10)
			said = append(said, fmt.Sprint(s.ForceFlush(t.Context())))
		}
		said = append(said, reports()...)
		said = append(said, fmt.Sprintf("%+v", s.Stats()))
		all := strings.Join(said, "\n")
		if !strings.Contains(all, "we know [redacted]") || !strings.Contains(all, "403 Forbidden") {
			t.Errorf("the server said nothing:\n%s", all)
		}
		for _, r := range b.Got() {
			_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			for _, hidden := range []string{awstest.KeyID, awstest.Token, signature} {
				if strings.Contains(all, hidden) {
					t.Errorf("%q is seen:\n%s", hidden, all)
				}
			}
		}
		if strings.Contains(all, awstest.Secret) {
			t.Errorf("the secret is seen:\n%s", all)
		}
	})
}
