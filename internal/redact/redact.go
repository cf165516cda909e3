// Package redact makes texts about requests fit for a log: without secrets, on one line, and of limited length.
package redact

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxBytes is how many bytes Text returns at most, apart from the mark of a cut.
	MaxBytes = 300
	// minSecret is the length from which a text counts as a secret. Shorter ones would hide ordinary words.
	minSecret = 4
	// minPart is the same for a part of a word and for a name before a colon. Such words are often ordinary.
	minPart  = 8
	redacted = "[redacted]"
)

var (
	// openHeaders have values that are not secret. A server repeats the date when it refuses a signature for its age, and a log
	// group when it refuses the role.
	openHeaders = []string{
		"Accept", "Content-Encoding", "Content-Type", "Date", "User-Agent", "X-Amz-Date", "X-Aws-Log-Group", "X-Aws-Log-Stream",
	}
	// schemes are words before credentials, in lower case. An error needs them.
	schemes = []string{"api-token", "apikey", "basic", "bearer", "digest", "splunk", "token"}
	// proxyVars are the variables that net/http reads a proxy's URL from.
	proxyVars = []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}
)

// Text returns a text about req without req's secrets, on one line, without control characters, and cut to MaxBytes. It removes
// secrets before it cuts, because the cut could leave half of one.
//
// Secrets are the values of headers, those of a signer included, the URL's user information and query, and the user
// information of the process's proxies, whole and in parts. Each is found in any case, and escaped for a URL, a quoted
// string, JSON or a web page, and in base64.
func Text(text string, req *http.Request) string { return printable(secretsOf(req).redact(text)) }

// secrets are texts to hide, in lower case, the longest first.
type secrets []string

// secretsOf collects the secrets of a request as it was sent.
func secretsOf(req *http.Request) secrets {
	var texts []string
	for name, values := range req.Header {
		if !slices.Contains(openHeaders, name) {
			for _, value := range values {
				texts = append(texts, inHeader(value)...)
			}
		}
	}
	if user := req.URL.User; user != nil {
		password, _ := user.Password()
		texts = append(texts, user.String())
		texts = append(texts, inUser(user.Username(), password)...)
	}
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

// inHeader returns the secrets in a header's value: the whole value and its words, except a scheme such as Bearer. Of a signature
// of AWS only the key ID and the signature are secret: the names of headers are words that an error needs, and the scope is
// in the endpoint.
func inHeader(value string) []string {
	texts := []string{value}
	for i, word := range words(value) {
		name, parameter, _ := strings.Cut(word, "=")
		switch isAWS := strings.HasPrefix(value, "AWS4-"); {
		case isAWS && name == "Credential":
			id, _, _ := strings.Cut(parameter, "/")
			texts = append(texts, parameter, id)
		case isAWS && name == "Signature":
			texts = append(texts, parameter)
		case isAWS, i == 0 && slices.Contains(schemes, lower(word)):
		default:
			texts = append(texts, inWord(word)...)
			texts = append(texts, longParts(word)...)
		}
	}
	return texts
}

func words(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`,;"'`, r) })
}

// inWord returns the secrets in a word of a header: all of it, the value of a parameter, and the user and password of
// credentials, which may be in base64.
func inWord(word string) []string {
	texts := []string{word}
	if _, value, found := strings.Cut(word, "="); found {
		texts = append(texts, inWord(value)...)
	} else if user, password, found := strings.Cut(word, ":"); found {
		texts = append(texts, inUser(user, password)...)
		texts = append(texts, inWord(password)...)
	}
	if plain, err := base64.StdEncoding.DecodeString(word); err == nil {
		if user, password, found := strings.Cut(string(plain), ":"); found {
			texts = append(texts, inUser(user, password)...)
		}
	}
	return texts
}

// longParts returns the parts of a word that are secret for their length, for example those of a JWT or a query. The name of
// a parameter is not: an error needs it.
func longParts(word string) (texts []string) {
	for _, part := range strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("&/|.:", r) }) {
		values := strings.Split(strings.TrimRight(part, "="), "=") // base64 ends with =
		if len(values) > 1 {
			values = values[1:]
		}
		for _, value := range values {
			if len(value) >= minPart {
				texts = append(texts, value)
			}
		}
	}
	return texts
}

// inUser returns the secrets in user information. A name without a password is a key; with a password it is one if it is long.
func inUser(name, password string) []string {
	texts := []string{name + ":" + password, password}
	if password == "" || len(name) >= minPart {
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
	return append(inUser(name, password), raw)
}

// forms returns the forms in which others may repeat text. Base64 has no padding, so that it is found with and without.
func forms(text string) []string {
	quoted := strconv.Quote(text)
	inJSON, _ := json.Marshal(text) // a string always has a form
	all := []string{
		text,
		url.QueryEscape(text),
		url.PathEscape(text),
		quoted[1 : len(quoted)-1],
		string(inJSON[1 : len(inJSON)-1]),
		html.EscapeString(text),
		base64.RawStdEncoding.EncodeToString([]byte(text)),
		base64.RawURLEncoding.EncodeToString([]byte(text)),
	}
	if plain, err := url.PathUnescape(text); err == nil && plain != text && len(plain) >= minSecret {
		all = append(all, forms(plain)...)
	}
	return all
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
	var b strings.Builder
	for at := strings.Index(folded, secret); at >= 0; at = strings.Index(folded, secret) {
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

// printable is text on one line without control characters, cut to MaxBytes bytes.
func printable(text string) string {
	var b strings.Builder
	for i, word := range strings.Fields(text) {
		if i > 0 {
			b.WriteByte(' ')
		}
		for _, r := range word {
			if !unicode.IsPrint(r) || r == utf8.RuneError {
				r = '?'
			}
			if b.Len()+utf8.RuneLen(r)+1 > MaxBytes {
				return b.String() + "…"
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}
