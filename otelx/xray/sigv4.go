package xray

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request" // of a scope
	timeFormat = "20060102T150405Z"
	hexDigits  = "0123456789ABCDEF"
)

// signV4 adds the headers of AWS Signature Version 4 to req, whose body is body (IAM User Guide, "Create a signed AWS API
// request"). The signer of the AWS SDK, which makes the same signatures, adds 70 kB to a function's binary.
func signV4(req *http.Request, body []byte, c aws.Credentials, region string, now time.Time) {
	req.Host = strings.TrimSuffix(req.Host, ":443")
	stamp := now.UTC().Format(timeFormat)
	day := stamp[:len("20060102")]
	req.Header.Set("X-Amz-Date", stamp)
	if c.SessionToken != "" {
		req.Header.Set("X-Amz-Security-Token", c.SessionToken)
	}
	names, headers := canonicalHeaders(req, len(body))
	request := strings.Join([]string{
		req.Method, canonicalPath(req.URL), canonicalQuery(req.URL), headers, names, hexSHA256(string(body)),
	}, "\n")

	scope := strings.Join([]string{day, region, service, terminator}, "/")
	text := strings.Join([]string{algorithm, stamp, scope, hexSHA256(request)}, "\n")
	key := []byte("AWS4" + c.SecretAccessKey)
	for _, part := range []string{day, region, service, terminator} {
		key = hmacSHA256(key, part)
	}
	req.Header.Set("Authorization", algorithm+" Credential="+c.AccessKeyID+"/"+scope+", SignedHeaders="+names+
		", Signature="+hex.EncodeToString(hmacSHA256(key, text)))
}

// canonicalHeaders returns the names of the headers that are signed and a line for each. Headers that something on the way may
// change or add are left out.
func canonicalHeaders(req *http.Request, length int) (names, lines string) {
	values := map[string]string{"host": req.Host}
	for name, value := range req.Header {
		switch name {
		case "Authorization", "User-Agent", "X-Amzn-Trace-Id", "Expect", "Transfer-Encoding":
			continue
		}
		values[strings.ToLower(name)] = strings.Join(strings.Fields(strings.Join(value, ",")), " ")
	}
	if length > 0 {
		values["content-length"] = strconv.Itoa(length)
	}
	sorted := make([]string, 0, len(values))
	for name := range values {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	var b strings.Builder
	for _, name := range sorted {
		b.WriteString(name + ":" + values[name] + "\n")
	}
	return strings.Join(sorted, ";"), b.String()
}

// canonicalPath returns u's path, percent-encoded once more than on the wire.
func canonicalPath(u *url.URL) string {
	var b strings.Builder
	for _, c := range []byte(u.EscapedPath()) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

func canonicalQuery(u *url.URL) string {
	query := u.Query()
	for _, values := range query {
		slices.Sort(values)
	}
	return strings.ReplaceAll(query.Encode(), "+", "%20")
}

func hexSHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
