package xray

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The AWS SDK makes the same signature of the same request.
func TestSignatureIsTheSDKs(t *testing.T) {
	for i, c := range []struct {
		url     string
		headers http.Header
		body    string
		token   string
	}{
		{"https://xray.eu-west-1.amazonaws.com/v1/traces", http.Header{"Content-Type": {contentType}}, "spans", "token"},
		{"https://xray.eu-west-1.amazonaws.com/v1/traces", http.Header{"Content-Type": {contentType}, "Content-Encoding": {"gzip"}}, "spans", ""},
		{"https://xray.eu-west-1.amazonaws.com:443/v1/traces", nil, "", ""},
		{"https://xray.eu-west-1.amazonaws.com:8443", nil, "s", ""},
		{"https://xray.eu-west-1.amazonaws.com/", nil, "s", ""},
		{"https://xray.eu-west-1.amazonaws.com/a%2Fb/ü c/(d)/~e?b=2&a=%20x&b=1&c&d=~-_.%2B", nil, "s", "token"},
		{"https://xray.eu-west-1.amazonaws.com/v1/traces", http.Header{
			"X-Amz-Meta": {" two  spaces "}, "X-Amz-Twice": {"first", "second"}, "User-Agent": {"me"}, "X-Amzn-Trace-Id": {"Root=1"}, "X-Custom": {"ü"},
		}, "s", "token"},
	} {
		credentials := aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret", SessionToken: c.token}
		now := time.Date(2026, 2, 3, 23, 59, 59, 0, time.FixedZone("west", -3600))
		request := func() *http.Request {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = int64(len(c.body))
			for name, values := range c.headers {
				req.Header[name] = values
			}
			return req
		}
		got, want := request(), request()
		signV4(got, []byte(c.body), credentials, "eu-west-1", now)
		sum := sha256.Sum256([]byte(c.body))
		if err := v4.NewSigner().SignHTTP(t.Context(), credentials, want, hex.EncodeToString(sum[:]), service, "eu-west-1", now); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got.Host, got.Header) != fmt.Sprint(want.Host, want.Header) {
			t.Errorf("case %d: %s %v\nwant %s %v", i, got.Host, got.Header, want.Host, want.Header)
		}
	}
}

const contentType = "application/x-protobuf"
