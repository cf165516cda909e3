package otelx_test

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/epilogue-go/epilogue/otelx"
)

// planted are the secrets, by where they are: all different, so that a find says where it came from. Proxies and
// AWS have theirs in the process's environment.
var planted = map[string]string{
	"endpoint user":     "endpoint-us3r",
	"endpoint password": "endp0int/p&ss word",
	"endpoint query":    "qu3ry+of=endpoint",
	"header":            "all-signals-h3ader",
	"traces header":     `traces-h3ader "quoted"`,
	"option header":     "0ption-header",
	"signed header":     "s1gnature-of-request",
	"proxy user":        "pr0xy-user-name",
	"proxy password":    "pr0xy:p@ss/w",
	"client key":        "MC4CAQAwBQYDK2VwBCIEIH0c1ient2key4body8ABCDEFGHIJKLMNOPQRSTUVWXYZab",
	"AWS secret key":    "aws-s3cret-access-key/EXAMPLE",
	"AWS session token": "aws-s3ssion-token/EXAMPLE==",
}

// leaks fails the test if text holds a secret in some form.
func leaks(tb testing.TB, path, text string) {
	tb.Helper()
	lower := strings.ToLower(text)
	for where, secret := range planted {
		for _, form := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), base64.RawStdEncoding.EncodeToString([]byte(secret)),
			strings.Trim(fmt.Sprintf("%q", secret), `"`), secret[:min(len(secret), 20)],
		} {
			if strings.Contains(lower, strings.ToLower(form)) {
				tb.Errorf("%s: the %s is seen, as %q:\n%s", path, where, form, text)
			}
		}
	}
	basic := planted["endpoint user"] + ":" + planted["endpoint password"]
	if strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(basic))) {
		tb.Errorf("%s: basic authentication is seen:\n%s", path, text)
	}
}

// withCredentials adds user information and a query to an endpoint.
func withCredentials(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		panic(err)
	}
	u.User = url.UserPassword(planted["endpoint user"], planted["endpoint password"])
	u.RawQuery = url.Values{"key": {planted["endpoint query"]}}.Encode()
	return u.String()
}

// echo answers with all that it was told, as text, as a google.rpc.Status or as a partial success.
func echo(status int, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		parts := []string{r.RequestURI}
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			parts = append(parts, name+": "+strings.Join(r.Header[name], ","))
		}
		user, password, _ := r.BasicAuth()
		said := strings.Join(append(parts[len(parts)/2:len(parts):len(parts)], append(parts, user, password)...), "; ") // in this order and that
		body := []byte(said)
		if contentType == "application/x-protobuf" {
			text := append([]byte{0x12, byte(len(said)&0x7f | 0x80), byte(len(said) >> 7)}, said...)
			body = text
			if status == 200 {
				body = append([]byte{0x0a, byte(len(text)&0x7f | 0x80), byte(len(text) >> 7)}, text...)
			}
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Location", "https://other.test/"+url.PathEscape(r.Header.Get("X-Option"))+"?"+r.URL.RawQuery)
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

// failingBackends are the ways in which an export fails, each an endpoint.
func failingBackends(tb testing.TB) map[string]string {
	serve := func(h http.HandlerFunc) string {
		server := httptest.NewServer(h)
		tb.Cleanup(server.Close)
		return server.URL
	}
	encrypted := httptest.NewUnstartedServer(http.NotFoundHandler())
	encrypted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	encrypted.StartTLS()
	tb.Cleanup(encrypted.Close)
	const text, pb = "text/plain", "application/x-protobuf"
	return map[string]string{
		"refused":           "http://127.0.0.1:1/v1/traces",
		"no such host":      "http://host.invalid/v1/traces",
		"unknown authority": encrypted.URL,
		"not TLS":           strings.Replace(serve(echo(200, text)), "http:", "https:", 1),
		"400":               serve(echo(400, text)),
		"401":               serve(echo(401, text)),
		"403":               serve(echo(403, pb)),
		"413":               serve(echo(413, text)),
		"503":               serve(echo(503, text)),
		"redirect":          serve(echo(307, text)),
		"partial success":   serve(echo(200, pb)),
		"timeout": serve(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client goes
			<-r.Context().Done()
		}),
		"not HTTP": serve(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprintf(conn, "%s %s is not HTTP\r\n\r\n", r.Header.Get("X-Option"), r.RequestURI)
				_ = conn.Close()
			}
		}),
	}
}

// leakVar tells the test binary to be the child, and what about.
const leakVar = "OTELX_TEST_LEAK"

// leakVars is the child's environment with secrets in every setting, for an endpoint and with changes to it.
func leakVars(endpoint string, changes map[string]string) []string {
	proxy := (&url.URL{Scheme: "http", Host: "127.0.0.1:1", User: url.UserPassword(planted["proxy user"], planted["proxy password"])}).String()
	vars := map[string]string{
		leakVar: "1", "OTEL_EXPORTER_OTLP_ENDPOINT": withCredentials(endpoint), "OTEL_EXPORTER_OTLP_TIMEOUT": "300",
		"OTEL_EXPORTER_OTLP_HEADERS":        "x-all=" + url.PathEscape(planted["header"]),
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=Bearer%20" + url.PathEscape(planted["traces header"]),
		"NO_PROXY":                          "127.0.0.1,host.invalid", "HTTPS_PROXY": proxy, "HTTP_PROXY": proxy,
		"AWS_SECRET_ACCESS_KEY": planted["AWS secret key"], "AWS_SESSION_TOKEN": planted["AWS session token"],
	}
	maps.Copy(vars, changes)
	out := []string{"PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}
	for k, v := range vars {
		out = append(out, k+"="+v)
	}
	return out
}

func init() {
	if os.Getenv(leakVar) != "" {
		leakChild()
		os.Exit(0)
	}
}

// leakChild is the child: a service that says all it has to say on its stderr, by every way there is.
func leakChild() {
	for _, withHeaders := range []bool{false, true} {
		known := "Bearer " + planted["traces header"] // which beats that for all signals
		opts := []otelx.Option{otelx.WithSigner(func(_ context.Context, r *http.Request, _ []byte) error {
			r.Header.Set("X-Signature", planted["signed header"])
			if os.Getenv(leakVar) == "signer" {
				return fmt.Errorf("cannot sign %s", r.Header)
			}
			return nil
		})}
		if withHeaders {
			known = planted["option header"]
			opts = append(opts, otelx.WithHeaders(map[string]string{"X-Option": known, "bad name": known, "X-Bad": known + "\n"}))
		}
		if os.Getenv(leakVar) == "panic" {
			opts = append(opts, otelx.WithDialer(func(context.Context, string, string) (net.Conn, error) {
				panic("no connection for " + known)
			}))
		}
		tel, err := otelx.New(context.Background(), opts...)
		fmt.Fprintf(os.Stderr, "New: %v %+v %#v\n", err, tel.Stats(), tel.Stats())
		span(tel, "a")
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		err = errors.Join(tel.ForceFlush(ctx), tel.Shutdown(ctx))
		cancel()
		fmt.Fprintf(os.Stderr, "flush: %v\n", err)
		slog.Error("flush", "error", err, "telemetry", tel)
		otel.Handle(err)
	}
}

// No error, log line or panic contains a credential.
func TestSecretsAreNeverSeen(t *testing.T) {
	type way struct {
		endpoint string
		changes  map[string]string
	}
	ways := map[string]way{}
	backends := failingBackends(t)
	for name, endpoint := range backends {
		ways[name] = way{endpoint: endpoint}
	}
	proxied := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "who is "+r.Header.Get("Proxy-Authorization")+planted["proxy user"]+"?", http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxied.Close)
	user := url.UserPassword(planted["proxy user"], planted["proxy password"]).String()
	proxy := strings.Replace(proxied.URL, "http://", "http://"+user+"@", 1)
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte(planted["client key"])})
	keyFile := filepath.Join(t.TempDir(), "client.key")
	if err := os.WriteFile(keyFile, slices.Concat([]byte(planted["client key"]+"\n"), key), 0o600); err != nil {
		t.Fatal(err)
	}
	const elsewhere = "https://collector.test/v1/traces"
	maps.Copy(ways, map[string]way{
		"proxy refuses CONNECT": {elsewhere, map[string]string{"HTTPS_PROXY": proxy}},
		"proxy refuses":         {"http://collector.test/", map[string]string{"HTTP_PROXY": proxy}},
		"proxy is gone":         {elsewhere, nil},
		"proxy does not parse":  {elsewhere, map[string]string{"HTTPS_PROXY": "http://" + planted["proxy user"] + ":" + planted["proxy password"] + "@h:port"}},
		"signer fails":          {backends["400"], map[string]string{leakVar: "signer"}},
		"dialer panics":         {backends["400"], map[string]string{leakVar: "panic"}},
		"endpoint without scheme": {"", map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": planted["endpoint user"] + ":" + planted["endpoint password"] + "@h:1?key=" + planted["endpoint query"],
		}},
		"endpoint that does not parse": {"", map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + planted["endpoint user"] + ":" + planted["endpoint password"] + "@h:port?key=" + planted["endpoint query"],
		}},
		"endpoint of another scheme": {"", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "grpc" + strings.TrimPrefix(withCredentials("http://h:1/"), "http")}},
		"headers that do not parse": {backends["400"], map[string]string{
			"OTEL_EXPORTER_OTLP_TRACES_HEADERS": planted["traces header"] + ",a=%zz" + planted["traces header"] + ",b c=" + planted["traces header"] + ",d=" + planted["traces header"] + "%0a",
		}},
		"key for a file": {elsewhere, map[string]string{"OTEL_EXPORTER_OTLP_CLIENT_KEY": planted["client key"], "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": planted["client key"]}},
		"key in a file":  {elsewhere, map[string]string{"OTEL_EXPORTER_OTLP_CLIENT_KEY": keyFile, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": keyFile, "OTEL_EXPORTER_OTLP_CERTIFICATE": keyFile}},
	})
	for name, w := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), os.Args[0])
			endpoint := w.endpoint
			if endpoint == "" {
				endpoint = "http://127.0.0.1:1"
			}
			child.Env = leakVars(endpoint, w.changes)
			out, err := child.CombinedOutput()
			if err != nil || strings.Count(string(out), "flush: ") < 2 {
				t.Errorf("the child failed: %v\n%s", err, out)
			}
			leaks(t, name, string(out))
		})
	}
}
