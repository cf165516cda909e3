package otlphttp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// authority issues certificates.
type authority struct {
	tb   testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	a := &authority{tb: tb}
	issued := a.issue("authority", time.Hour)
	a.cert, a.key = issued.Leaf, issued.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue returns a certificate for name that expires after until. An authority without a certificate signs itself.
func (a *authority) issue(name string, until time.Duration) tls.Certificate {
	a.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(until),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// serveTLS serves cfg on loopback and returns the endpoint. Answers name the TLS version.
func serveTLS(tb testing.TB, cfg *tls.Config) string {
	tb.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(partialSuccess(0, tls.VersionName(r.TLS.Version)))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = cfg
	server.StartTLS()
	tb.Cleanup(server.Close)
	return server.URL
}

func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	good := []tls.Certificate{ours.issue("127.0.0.1", time.Hour)}
	mutual := tls.Config{Certificates: good, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool()}
	mutual12 := mutual.Clone()
	mutual12.MaxVersion = tls.VersionTLS12
	const other = "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"
	for name, test := range map[string]struct {
		server *tls.Config
		client config
		says   string // of the answer: the version
		err    string
	}{
		"TLS 1.3": {&tls.Config{Certificates: good}, config{Authorities: ours.pool()}, "TLS 1.3", ""},
		"TLS 1.2": {&tls.Config{Certificates: good, MaxVersion: tls.VersionTLS12}, config{Authorities: ours.pool()}, "TLS 1.2", ""},
		"TLS 1.1": {
			&tls.Config{Certificates: good, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
			config{Authorities: ours.pool()},
			"", "protocol version not supported; TLS 1.2 is the oldest version that is accepted",
		},
		"unknown authority": {
			&tls.Config{Certificates: good},
			config{},
			"", "certificate signed by unknown authority; if the authority is your own, name its file in OTEL_EXPORTER_OTLP_CERTIFICATE",
		},
		"another authority": {
			&tls.Config{Certificates: good},
			config{Authorities: theirs.pool()},
			"", "if the authority is your own, name its file in OTEL_EXPORTER_OTLP_CERTIFICATE",
		},
		"another host": {
			&tls.Config{Certificates: []tls.Certificate{ours.issue("127.0.0.2", time.Hour)}},
			config{Authorities: ours.pool()},
			"", "x509: certificate is valid for 127.0.0.2, not 127.0.0.1",
		},
		"expired": {
			&tls.Config{Certificates: []tls.Certificate{ours.issue("127.0.0.1", -time.Hour)}},
			config{Authorities: ours.pool()},
			"", "x509: certificate has expired or is not yet valid",
		},
		"client certificate": {&mutual, config{Authorities: ours.pool(), Certificates: []tls.Certificate{ours.issue("me", time.Hour)}}, "TLS 1.3", ""},
		"client certificate, TLS 1.2": {
			mutual12,
			config{Authorities: ours.pool(), Certificates: []tls.Certificate{ours.issue("me", time.Hour)}},
			"TLS 1.2", "",
		},
		"no client certificate":          {&mutual, config{Authorities: ours.pool()}, "", other},
		"no client certificate, TLS 1.2": {mutual12, config{Authorities: ours.pool()}, "", other},
		"a stranger's client certificate": {
			&mutual,
			config{Authorities: ours.pool(), Certificates: []tls.Certificate{theirs.issue("me", time.Hour)}},
			"", other,
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.client.Endpoint = parse(t, serveTLS(t, test.server))
			sender := newSender(test.client)
			defer func() { _ = sender.Close() }()
			res, err := sender.Send(t.Context(), []byte("spans"))
			if (err == nil) != (test.err == "") || !strings.Contains(errorText(err), test.err) || res.Message != test.says {
				t.Errorf("%+v, error %q, want …%q", res, errorText(err), test.err)
			}
		})
	}
}

// Only one end of the connection uses TLS.
func TestTLSAndPlain(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	for endpoint, want := range map[string]string{
		strings.Replace(plain.URL, "http:", "https:", 1): "first record does not look like a TLS handshake; the server speaks plain HTTP: write http:// in the endpoint",
		strings.Replace(serveTLS(t, &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue("127.0.0.1", time.Hour)}}), "https:", "http:", 1): "400 Bad Request: Client sent an HTTP request to an HTTPS server.",
	} {
		sender := newSender(config{Endpoint: parse(t, endpoint)})
		if _, err := sender.Send(t.Context(), []byte("spans")); !strings.HasSuffix(errorText(err), want) {
			t.Errorf("error %q, want …%q", errorText(err), want)
		}
		_ = sender.Close()
	}
}
