package redact

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// requestWith returns a request like those of the senders.
func requestWith(tb testing.TB, endpoint string, headers map[string]string) *http.Request {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, endpoint, nil)
	if err != nil {
		tb.Fatal(err)
	}
	password, _ := req.URL.User.Password()
	req.SetBasicAuth(req.URL.User.Username(), password)
	req.Header.Set("Content-Type", "application/x-protobuf")
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	return req
}

func TestSecretsAreRedacted(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://proxyman:pr%26xy@proxy.test:3128")
	t.Setenv("http_proxy", "pr0xy key@proxy.test") // which does not parse
	req := requestWith(t, "http://user:pa%20ss@collector.test:4318/v1/traces?token=q-secret", map[string]string{
		"x-auth": "Bearer abc123", "x-key": "abc123-and-more", "x-tenant": "17", "user-agent": "agent",
		"x-params": `Digest response="d1gest", a=p4rt;n0ther`, "x-basic": "Basic " + base64.StdEncoding.EncodeToString([]byte("me:b4sic")),
		"x-odd": `<o"d&d>`, "cookie": "session=c00kie; theme=d4rk", "x-acct": "acct:acc0unt", "x-first": "f1rst, sec0nd",
		"x-list": "k1=v4lue1;k2=v4lue2", "x-encoded": "key=a%2Fb%2Fc",
	})
	for text, want := range map[string]string{
		"401: Bearer abc123? abc123! abc123-and-more":   "401: [redacted]? [redacted]! [redacted]",
		"user, user:pa ss, pa ss, pa%20ss, PA+SS":       "user, [redacted], [redacted], [redacted], [redacted]",
		"q-secret, token=Q-Secret, tenant 17":           "[redacted], [redacted], tenant 17",
		"agent, application/x-protobuf":                 "agent, application/x-protobuf",
		"session c00kie, d4rk of acct, acc0unt":         "session [redacted], [redacted] of acct, [redacted]",
		"f1rst! sec0nd! v4lue1 v4lue2 a/b/c":            "[redacted]! [redacted]! [redacted] [redacted] [redacted]",
		"Bearer or Digest or Basic":                     "Bearer or Digest or Basic",
		"d1gest, p4rt, n0ther":                          "[redacted], [redacted], [redacted]",
		"me:b4sic, b4sic, me":                           "[redacted], [redacted], me",
		"cHJveHltYW46cHImeHk= of proxyman and pr&xy":    "[redacted]= of [redacted] and [redacted]",
		"invalid proxy \"pr0xy key@proxy.test\"":        "invalid proxy \"[redacted]@proxy.test\"",
		`<o"d&d>, \u003co\"d\u0026d\u003e, <o\"d&d>`:    "[redacted], [redacted], [redacted]",
		"&lt;o&#34;d&amp;d&gt; %3Co%22d%26d%3e":         "[redacted] [redacted]",
		"YWJjMTIz, Authorization: Basic dXNlcjpwYSBzcw": "[redacted], Authorization: Basic [redacted]",
	} {
		if got := secretsOf(req).redact(text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

// TestPartsOfAHeaderAreRedacted: a server may repeat one part of a value with separators of its own.
func TestPartsOfAHeaderAreRedacted(t *testing.T) {
	for value, secrets := range map[string]string{
		"k=SECRETONE&b=2":                   "SECRETONE",
		"SECRETTWO/abc":                     "SECRETTWO",
		"session=SECRETFIVE&x=1; b=2":       "SECRETFIVE",
		"SECRETFOUR.aaa.bbb":                "SECRETFOUR",
		"Bearer eyJhbGci.eyJzdWIi.c2lnbmF0": "eyJhbGci eyJzdWIi c2lnbmF0",
		"tenant|SECRETSIX|eu":               "SECRETSIX",
		"SECRETSEVEN:SECRETEIGHT:rest":      "SECRETSEVEN SECRETEIGHT",
		"a/b=SECRETNINE/c":                  "SECRETNINE",
	} {
		got := Text("no such key "+secrets, requestWith(t, "http://collector.test/", map[string]string{"x-key": value}))
		if want := "no such key" + strings.Repeat(" [redacted]", len(strings.Fields(secrets))); got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
	const text = "eu-west-1 of https://collector.test/v1 in application/x-protobuf"
	if got := Text(text, requestWith(t, "http://collector.test/", map[string]string{"x-scope": "eu/v1/a.b", "x-where": "sub/test/v1&response=a"})); got != text {
		t.Errorf("ordinary words became %q", got)
	}
}

// TestLogGroupsAreReadable: the endpoint of CloudWatch Logs names the group and the stream that it refuses.
func TestLogGroupsAreReadable(t *testing.T) {
	const text = "no such log group: /aws/lambda/fulfilment, log stream 2026/11/22/[$LATEST]0123456789abcdef"
	req := requestWith(t, "https://logs.eu-west-1.amazonaws.com/v1/logs", map[string]string{
		"x-aws-log-group": "/aws/lambda/fulfilment", "x-aws-log-stream": "2026/11/22/[$LATEST]0123456789abcdef",
	})
	if got := Text(text, req); got != text {
		t.Errorf("%q became %q", text, got)
	}
}

// FuzzRedact plants a secret in every form in which a server may repeat it.
func FuzzRedact(f *testing.F) {
	f.Add("before ", "s3cr3t", " after")
	f.Add("", `q"<&>'\`, "")
	f.Add("%", "%41%42%43", "=")
	f.Add("sEcR", "secret", "eT")
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		if len(secret) < minSecret || strings.ContainsAny(secret, "[]") || strings.Contains(redacted, lower(secret)) {
			t.Skip() // a part of the mark is in the redacted text again
		}
		inJSON, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		s := newSecrets([]string{secret})
		for _, form := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret), strconv.Quote(secret),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret)), upper(secret),
		} {
			if got := s.redact(before + form + after); strings.Contains(lower(got), lower(secret)) || !strings.Contains(got, redacted) && len(form) == len(secret) {
				t.Errorf("%q in %q gives %q", secret, before+form+after, got)
			}
		}
		if isASCII(secret) && strings.Contains(s.redact(string(inJSON)), string(inJSON[1:len(inJSON)-1])) {
			t.Errorf("%q in JSON gives %q", secret, s.redact(string(inJSON)))
		}
		if text := before + after; !strings.Contains(s.redact(text), redacted) && s.redact(text) != text {
			t.Errorf("%q became %q", text, s.redact(text))
		}
	})
}

// upper is s with its ASCII letters in upper case.
func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f })
}

// A server that refuses a signature repeats the signed text, which must stay readable.
func TestSignaturesAreRedacted(t *testing.T) {
	req := requestWith(t, "https://xray.eu-west-1.amazonaws.com/v1/traces", map[string]string{
		"authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261127/eu-west-1/xray/aws4_request, " +
			"SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6",
		"x-amz-security-token": "t0ken/+==", "x-amz-date": "20261127T105232Z",
	})
	const text = "no such host; Credential=AKIDEXAMPLE/20261127, content-type;host of akidexample, 5d672d79c15b13162d9279b0855cfba6 " +
		"at 20261127T105232Z in eu-west-1/xray with t0ken/+=="
	const want = "no such host; Credential=[redacted]/20261127, content-type;host of [redacted], [redacted] " +
		"at 20261127T105232Z in eu-west-1/xray with [redacted]"
	if got := secretsOf(req).redact(text); got != want {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("two\nlines\x00 and \xff", 3)
	f.Add(strings.Repeat("漢", 200), 1)
	f.Fuzz(func(t *testing.T, text string, repeat int) {
		out := printable(strings.Repeat(text, max(0, repeat%100)))
		if !utf8.ValidString(out) || len(out) > MaxBytes+len("…") || strings.ContainsAny(out, "\n\r\x00\x1b") {
			t.Errorf("printable gave %q", out)
		}
	})
}
