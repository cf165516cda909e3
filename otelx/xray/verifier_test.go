package xray

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// verifier checks signatures as AWS does, written from its description (IAM User Guide, "Create a signed AWS API
// request"), apart from the code that makes them.
type verifier struct {
	secrets         map[string]string // by access key
	region, service string
}

// verify returns nil if req was signed by one who knows the secret, for this host, body and time.
func (v verifier) verify(req *http.Request, body []byte, now time.Time) error {
	const algorithm = "AWS4-HMAC-SHA256"
	rest, found := strings.CutPrefix(req.Header.Get("Authorization"), algorithm+" ")
	if !found {
		return errors.New("no signature")
	}
	parameters := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parameters[name] = value
	}
	scope := strings.Split(parameters["Credential"], "/")
	if len(scope) != 5 || scope[2] != v.region || scope[3] != v.service || scope[4] != "aws4_request" {
		return fmt.Errorf("scope %q", scope)
	}
	stamp := req.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", stamp)
	if err != nil || now.Sub(at).Abs() > 5*time.Minute || scope[1] != stamp[:8] {
		return fmt.Errorf("signature expired: %s is not now (%s), or not on %s", stamp, now, scope[1])
	}
	signed := strings.Split(parameters["SignedHeaders"], ";")
	if err := coversAll(req, signed); err != nil {
		return err
	}
	secret, known := v.secrets[scope[0]]
	if !known {
		return errors.New("the security token included in the request is invalid")
	}
	canonical := canonicalRequest(req, signed, body)
	text := algorithm + "\n" + stamp + "\n" + strings.Join(scope[1:], "/") + "\n" + hash([]byte(canonical))
	key := []byte("AWS4" + secret)
	for _, part := range scope[1:] {
		key = mac(key, part)
	}
	if want := hex.EncodeToString(mac(key, text)); !hmac.Equal([]byte(want), []byte(parameters["Signature"])) {
		return errors.New("the request signature we calculated does not match the signature you provided")
	}
	return nil
}

// coversAll reports significant parts of the request that are not signed.
func coversAll(req *http.Request, signed []string) error {
	if !slices.IsSorted(signed) || !slices.Contains(signed, "host") {
		return fmt.Errorf("signed headers %q", signed)
	}
	for name := range req.Header {
		name = strings.ToLower(name)
		matters := strings.HasPrefix(name, "x-amz-") || strings.HasPrefix(name, "content-")
		if matters && !slices.Contains(signed, name) {
			return fmt.Errorf("%s is not signed", name)
		}
	}
	return nil
}

func canonicalRequest(req *http.Request, signed []string, body []byte) string {
	lines := []string{req.Method, req.URL.EscapedPath(), strings.ReplaceAll(req.URL.Query().Encode(), "+", "%20")}
	for _, name := range signed {
		value := strings.Join(req.Header.Values(name), ",")
		switch name {
		case "host":
			value = req.Host
		case "content-length":
			value = strconv.Itoa(len(body))
		}
		lines = append(lines, name+":"+strings.Join(strings.Fields(value), " "))
	}
	return strings.Join(append(lines, "", strings.Join(signed, ";"), hash(body)), "\n")
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// TestVerifier holds the verifier against an example that AWS has published (Signature Version 4 test suite, get-vanilla).
func TestVerifier(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.amazonaws.com/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Date", "20150830T123600Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "+
		"Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
	v := verifier{secrets: map[string]string{"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}, region: "us-east-1", service: "service"}
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	if err := v.verify(req, nil, at); err != nil {
		t.Error(err)
	}
}
