package xray

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// verifier checks the signatures of requests to X-Ray: it signs each again with AWS's signer, at the time and with the
// headers that the request names, and compares.
type verifier struct {
	secrets map[string]string // by access key
	region  string
}

const dateFormat = "20060102T150405Z"

// verify returns nil if req was signed by one who knows the secret, for this host, body and time.
func (v verifier) verify(req *http.Request, body []byte, now time.Time) error {
	authorization := req.Header.Get("Authorization")
	key, _, _ := strings.Cut(strings.TrimPrefix(authorization, "AWS4-HMAC-SHA256 Credential="), "/")
	secret, known := v.secrets[key]
	if !known {
		return fmt.Errorf("no signature of a known key: %q", authorization)
	}
	at, err := time.Parse(dateFormat, req.Header.Get("X-Amz-Date"))
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
	err = v4.NewSigner().SignHTTP(req.Context(), credentials, again, hex.EncodeToString(hash[:]), "xray", v.region, at)
	if got := again.Header.Get("Authorization"); err == nil && got != authorization {
		err = errors.New("the request signature we calculated does not match: " + got)
	}
	return err
}

// The verifier notices if the body, the headers, the host, the path or the time is another one than the signed one.
func TestVerifierNoticesTampering(t *testing.T) {
	at := time.Now()
	v := verifier{secrets: map[string]string{keyID: secret}, region: "eu-west-1"}
	for name, tamper := range map[string]func(req *http.Request, body []byte){
		"":              func(*http.Request, []byte) {},
		"a bit":         func(_ *http.Request, body []byte) { body[0] ^= 1 },
		"the token":     func(req *http.Request, _ []byte) { req.Header.Set("X-Amz-Security-Token", "x") },
		"a header more": func(req *http.Request, _ []byte) { req.Header.Set("X-Amz-Target", "x") },
		"the host":      func(req *http.Request, _ []byte) { req.Host = "xray.eu-west-2.amazonaws.com" },
		"the path":      func(req *http.Request, _ []byte) { req.URL.Path = "/v1/logs" },
		"6 minutes late": func(req *http.Request, _ []byte) {
			req.Header.Set("X-Amz-Date", at.Add(-6*time.Minute).Format(dateFormat))
		},
	} {
		env := map[string]string{"AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
		s := newSigner(environmentCredentials(func(key string) string { return env[key] }), tracesPath)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+ireland+tracesPath, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		body := []byte("spans")
		if err := s.sign(t.Context(), req, body); err != nil {
			t.Fatal(err)
		}
		tamper(req, body)
		if err := v.verify(req, body, at); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
