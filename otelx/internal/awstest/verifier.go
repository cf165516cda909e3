package awstest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Verifier checks the signatures of requests to a service in a region: it signs each again with AWS's signer, at the time and
// with the headers that the request names, and compares.
type Verifier struct {
	Secrets         map[string]string // by access key
	Service, Region string
}

// DateFormat is that of X-Amz-Date.
const DateFormat = "20060102T150405Z"

// Verify returns nil if req was signed by one who knows the secret, for this host, body and time.
func (v Verifier) Verify(req *http.Request, body []byte, now time.Time) error {
	authorization := req.Header.Get("Authorization")
	key, _, _ := strings.Cut(strings.TrimPrefix(authorization, "AWS4-HMAC-SHA256 Credential="), "/")
	secret, known := v.Secrets[key]
	if !known {
		return fmt.Errorf("no signature of a known key: %q", authorization)
	}
	at, err := time.Parse(DateFormat, req.Header.Get("X-Amz-Date"))
	if err != nil || now.Sub(at).Abs() > 5*time.Minute {
		return fmt.Errorf("signature expired: of %v at %v, %w", at, now, err)
	}
	_, rest, _ := strings.Cut(authorization, "SignedHeaders=")
	list, _, _ := strings.Cut(rest, ",")
	signed := strings.Split(list, ";")
	again := req.Clone(req.Context())
	again.URL.Host = req.Host
	for name := range req.Header {
		lower := strings.ToLower(name)
		switch {
		case slices.Contains(signed, lower):
		case strings.HasPrefix(lower, "x-amz-"), strings.HasPrefix(lower, "content-"):
			return fmt.Errorf("%s is not signed", name)
		default:
			again.Header.Del(name) // net/http adds some
		}
	}
	hash := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: key, SecretAccessKey: secret, SessionToken: req.Header.Get("X-Amz-Security-Token")}
	err = v4.NewSigner().SignHTTP(req.Context(), credentials, again, hex.EncodeToString(hash[:]), v.Service, v.Region, at)
	if got := again.Header.Get("Authorization"); err == nil && got != authorization {
		err = errors.New("the request signature we calculated does not match: " + got)
	}
	return err
}
