package awsotlp

import (
	"net/http"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/otelx/internal/awstest"
)

// newRequest returns a request to target.
func newRequest(t *testing.T, target string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// testSigner signs for a service in eu-west-1.
func testSigner(s *service) *signer {
	env := awstest.Env()
	return newSigner(s, "eu-west-1", environmentCredentials(func(key string) string { return env[key] }))
}

// The verifier notices if the body, a header, the host, the path, the service or the time is another one than the signed one.
func TestSignatures(t *testing.T) {
	at := time.Now()
	for i := range services {
		s := &services[i]
		for name, tamper := range map[string]func(req *http.Request, body []byte, v *awstest.Verifier){
			"":              func(*http.Request, []byte, *awstest.Verifier) {},
			"a bit":         func(_ *http.Request, body []byte, _ *awstest.Verifier) { body[0] ^= 1 },
			"the token":     func(req *http.Request, _ []byte, _ *awstest.Verifier) { req.Header.Set("X-Amz-Security-Token", "x") },
			"the log group": func(req *http.Request, _ []byte, _ *awstest.Verifier) { req.Header.Set("X-Aws-Log-Group", "x") },
			"a header more": func(req *http.Request, _ []byte, _ *awstest.Verifier) { req.Header.Set("X-Amz-Target", "x") },
			"the host":      func(req *http.Request, _ []byte, _ *awstest.Verifier) { req.Host = s.name + ".eu-west-2.amazonaws.com" },
			"the path":      func(req *http.Request, _ []byte, _ *awstest.Verifier) { req.URL.Path = "/v1/profiles" },
			"the service":   func(_ *http.Request, _ []byte, v *awstest.Verifier) { v.Service = "sqs" },
			"6 minutes late": func(req *http.Request, _ []byte, _ *awstest.Verifier) {
				req.Header.Set("X-Amz-Date", at.Add(-6*time.Minute).Format(awstest.DateFormat))
			},
		} {
			v := awstest.Verifier{Secrets: map[string]string{awstest.KeyID: awstest.Secret}, Service: s.name, Region: "eu-west-1"}
			req := newRequest(t, Endpoint(s.signal, "eu-west-1"))
			req.Header.Set("X-Aws-Log-Group", "/aws/lambda/orders")
			body := []byte("items")
			if err := testSigner(s).sign(t.Context(), req, body); err != nil {
				t.Fatal(err)
			}
			tamper(req, body, &v)
			if err := v.Verify(req, body, at); (err == nil) != (name == "") {
				t.Errorf("%s, %q: %v", s.title, name, err)
			}
		}
	}
}

// The signer itself checks the request's address.
func TestSignerLooksAtTheAddress(t *testing.T) {
	const ireland = "xray.eu-west-1.amazonaws.com"
	for target, host := range map[string]string{
		"https://other.test/v1/traces":                   "other.test",
		"https://" + ireland + "/v1/traces":              "other.test",
		"http://" + ireland + "/v1/traces":               ireland,
		"https://" + ireland + "/TraceSegments":          ireland,
		"https://xray.eu-west-2.amazonaws.com/v1/traces": ireland,
		"https://logs.eu-west-1.amazonaws.com/v1/traces": "logs.eu-west-1.amazonaws.com",
	} {
		req := newRequest(t, target)
		req.Host = host
		if err := testSigner(named("xray")).sign(t.Context(), req, nil); err == nil || len(req.Header) > 0 {
			t.Errorf("%s, Host %s: %v, headers %v", target, host, err, req.Header)
		}
	}
}
