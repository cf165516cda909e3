package redact

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	// minSecret is the length from which a text counts as a secret. Shorter ones would hide ordinary words.
	minSecret = 4
	// minUser is the same for a user name with a password.
	minUser  = 8
	redacted = "[redacted]"
)

// isOpen reports whether the values of a header are not secret. The date is open because a server repeats it when it refuses
// a signature for its age.
func isOpen(name string) bool {
	switch name {
	case "Accept", "Content-Encoding", "Content-Type", "Date", "User-Agent", "X-Amz-Date":
		return true
	}
	return false
}

// proxyVars are the variables that net/http reads a proxy's URL from.
var proxyVars = []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}

// secrets are texts to hide in errors, in lower case, the longest first.
type secrets []string

// secretsOf collects the secrets of a request as it was sent: header values, including those of a signer, the URL's user
// information and query, and the user information of the process's proxies. It adds the forms in which a server may repeat
// each: escaped for a URL, a quoted string or a web page, and in base64.
func secretsOf(req *http.Request) secrets {
	var texts []string
	for name, values := range req.Header {
		if !isOpen(name) {
			for _, value := range values {
				texts = append(texts, inHeader(value)...)
			}
		}
	}
	texts = append(texts, inUser(req.URL.User)...)
	texts = append(texts, req.URL.RawQuery)
	for _, values := range req.URL.Query() {
		texts = append(texts, values...)
	}
	for _, name := range proxyVars {
		texts = append(texts, inProxy(os.Getenv(name))...)
	}
	return newSecrets(texts)
}

// newSecrets returns texts as secrets, each in all its forms.
func newSecrets(texts []string) secrets {
	var s secrets
	for _, text := range texts {
		if len(text) < minSecret {
			continue
		}
		for _, form := range forms(text) {
			s = append(s, lower(form))
		}
	}
	slices.SortFunc(s, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(s)
}

// inHeader returns the secrets in a header's value: the whole value, the part after a scheme such as Bearer, the values of
// parameters, the user and the password of basic authentication, and the key ID and the signature of AWS.
func inHeader(value string) []string {
	texts := []string{value}
	scheme, rest, found := strings.Cut(strings.TrimSpace(value), " ")
	if !found {
		rest = scheme
	}
	if strings.HasPrefix(scheme, "AWS4-") {
		return append(texts, inSignature(rest)...)
	}
	for part := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == ';' }) {
		texts = append(texts, part)
		if _, parameter, ok := strings.Cut(part, "="); ok {
			texts = append(texts, strings.Trim(parameter, `"`))
		}
	}
	if plain, err := base64.StdEncoding.DecodeString(rest); err == nil && strings.EqualFold(scheme, "Basic") {
		user, password, _ := strings.Cut(string(plain), ":")
		texts = append(texts, inUser(url.UserPassword(user, password))...)
	}
	return texts
}

// inSignature returns the secrets in the parameters of an AWS Signature Version 4. The rest is not secret: the names of headers,
// which are words that an error needs, and the scope, which is in the endpoint.
func inSignature(parameters string) []string {
	var texts []string
	for part := range strings.SplitSeq(parameters, ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "Credential":
			id, _, _ := strings.Cut(value, "/")
			texts = append(texts, value, id)
		case "Signature":
			texts = append(texts, value)
		}
	}
	return texts
}

// inUser returns the secrets in user information. A name without a password is a key; with a password it is one if it is long.
func inUser(user *url.Userinfo) []string {
	if user == nil {
		return nil
	}
	name := user.Username()
	password, _ := user.Password()
	texts := []string{user.String(), name + ":" + password, password}
	if password == "" || len(name) >= minUser {
		texts = append(texts, name)
	}
	return texts
}

// inProxy returns the secrets in the value of a proxy variable, valid or not.
func inProxy(value string) []string {
	at := strings.LastIndexByte(value, '@')
	if at < 0 {
		return nil
	}
	_, raw, found := strings.Cut(value[:at], "://")
	if !found {
		raw = value[:at]
	}
	name, password, _ := strings.Cut(raw, ":")
	texts := append(inUser(url.UserPassword(name, password)), raw)
	name, nameErr := url.PathUnescape(name)
	password, err := url.PathUnescape(password)
	if err == nil && nameErr == nil {
		texts = append(texts, inUser(url.UserPassword(name, password))...)
	}
	return texts
}

// escapeJSON escapes the characters that encoding/json escapes and strconv.Quote does not.
func escapeJSON(text string) string {
	return strings.NewReplacer("&", `\u0026`, "<", `\u003c`, ">", `\u003e`).Replace(text)
}

// escapeHTML escapes a text for a web page.
func escapeHTML(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(text)
}

// forms returns the forms in which others may repeat text. Base64 has no padding, so that it is found with and without.
func forms(text string) []string {
	quoted := strconv.Quote(text)
	quoted = quoted[1 : len(quoted)-1]
	return []string{
		text,
		url.QueryEscape(text),
		url.PathEscape(text),
		quoted,
		escapeJSON(quoted),
		escapeHTML(text),
		base64.RawStdEncoding.EncodeToString([]byte(text)),
		base64.RawURLEncoding.EncodeToString([]byte(text)),
	}
}

// redact returns text without the secrets in upper or lower case.
func (s secrets) redact(text string) string {
	for _, secret := range s {
		text = replaceFold(text, secret)
	}
	return text
}

// replaceFold replaces secret, which is in lower case, in any case.
func replaceFold(text, secret string) string {
	folded := lower(text)
	at := strings.Index(folded, secret)
	if at < 0 {
		return text
	}
	var b strings.Builder
	for ; at >= 0; at = strings.Index(folded, secret) {
		b.WriteString(text[:at])
		b.WriteString(redacted)
		text, folded = text[at+len(secret):], folded[at+len(secret):]
	}
	b.WriteString(text)
	return b.String()
}

// lower returns text with its ASCII letters in lower case. It keeps the length.
func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
