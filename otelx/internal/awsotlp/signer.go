package awsotlp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signer signs requests to one service in one region. It is safe for concurrent use as far as its provider is.
type signer struct {
	service     *service
	region      string
	credentials aws.CredentialsProvider
	v4          *v4.Signer
}

func newSigner(s *service, region string, p aws.CredentialsProvider) *signer {
	return &signer{service: s, region: region, credentials: p, v4: v4.NewSigner()}
}

// sign signs req with the body body. It checks the address again, because another host could use the signature and the session
// token, and another path of the service, to which a redirect may lead, is another call of its API.
func (s *signer) sign(ctx context.Context, req *http.Request, body []byte) error {
	if req.URL.Path != s.service.path() {
		return fmt.Errorf("the request goes to %s instead of %s; it is not signed", req.URL.Path, s.service.path())
	}
	if !s.isAt(req.URL.Hostname()) || !s.isAt((&url.URL{Host: req.Host}).Hostname()) || !strings.EqualFold(req.URL.Scheme, "https") {
		return fmt.Errorf("the request does not go to %s in %s by https; it is not signed", s.service.title, s.region)
	}
	credentials, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("retrieve AWS credentials: %w", err)
	}
	if !credentials.HasKeys() { // the signer would accept them
		return errors.New("retrieve AWS credentials: the provider returned none and no error")
	}
	hash := sha256.Sum256(body)
	return s.v4.SignHTTP(ctx, credentials, req, hex.EncodeToString(hash[:]), s.service.name, s.region, time.Now())
}

// isAt reports whether host is one of the service's in the region.
func (s *signer) isAt(host string) bool {
	at, region := serviceAt(host)
	return at == s.service && region == s.region
}

// environmentCredentials returns a provider that reads the environment each time.
func environmentCredentials(getenv func(string) string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		c := aws.Credentials{
			AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken: getenv("AWS_SESSION_TOKEN"), Source: "environment",
		}
		if !c.HasKeys() {
			return c, errNoCredentials{}
		}
		return c, nil
	})
}

// errNoCredentials is the error of an environment without credentials.
type errNoCredentials struct{}

func (errNoCredentials) Error() string {
	return "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set; set them, or for spans give xray.WithCredentials a provider"
}

// RetryNextFlush reports true: the environment does not change within a flush.
func (errNoCredentials) RetryNextFlush() bool { return true }
