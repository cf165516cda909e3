package xray

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

const (
	keyID  = "AKIDEXAMPLE17"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	token  = "IQoJb3JpZ2luX2VjEXAMPLE/token+=="
)

// backend is X-Ray's OTLP endpoint at one host, over TLS and in memory: it verifies signatures before the receiver's own
// answer.
type backend struct {
	*otlpreceiver.Receiver
	verifier

	env map[string]string // that leads there
	net lambdatest.Network

	mu       sync.Mutex
	requests []received
	echo     int // the status of answers that repeat the request's headers; 0: none
}

// received is a request as it came.
type received struct {
	req  *http.Request
	body []byte
	at   time.Time
	err  error // of its signature
}

// serve starts a backend at host, which is one of region's.
func serve(t *testing.T, host, region string) *backend {
	t.Helper()
	certificate, file := certify(t, host)
	b := &backend{
		Receiver: otlpreceiver.New(otlpreceiver.Config{}),
		verifier: verifier{secrets: map[string]string{keyID: secret}, region: region},
		env: map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": "https://" + host, "OTEL_EXPORTER_OTLP_CERTIFICATE": file,
			"AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token,
		},
	}
	listener, err := b.net.Listen(host + ":443")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: b, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}))
	}()
	t.Cleanup(func() {
		_, _ = server.Close(), b.Close()
		<-served
	})
	return b
}

// certify makes a certificate for host, which is also its own authority, in file.
func certify(t *testing.T, host string) (certificate tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// sdk returns an SDK that sends to b.
func (b *backend) sdk(t *testing.T, opts ...otelx.Option) *otelx.SDK {
	t.Helper()
	return mustSDK(t, b.env, append(opts, otelx.WithDialer(b.net.DialContext))...)
}

func (b *backend) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r := received{req: req, body: body, at: time.Now(), err: b.verify(req, body, time.Now())}
	b.mu.Lock()
	b.requests = append(b.requests, r)
	echo := b.echo
	b.mu.Unlock()
	switch {
	case echo != 0:
		var said bytes.Buffer
		_ = req.Header.Write(&said)
		http.Error(w, said.String(), echo)
	case r.err != nil:
		http.Error(w, r.err.Error(), http.StatusForbidden)
	default:
		req.Body = io.NopCloser(bytes.NewReader(body))
		b.Receiver.ServeHTTP(w, req)
	}
}

// repeats makes b answer with a request's headers and this status.
func (b *backend) repeats(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.echo = status
}

// got returns the requests so far.
func (b *backend) got() []received {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests
}

// wantSigned checks that exactly so many requests came, all of them signed, and the number of accepted spans.
func (b *backend) wantSigned(t *testing.T, requests, spans int) {
	t.Helper()
	got := b.got()
	for i, r := range got {
		if r.err != nil {
			t.Errorf("request %d: %v\n%v", i+1, r.err, r.req.Header)
		}
	}
	if n := len(b.Spans()); n != spans || len(got) != requests {
		t.Errorf("%d spans in %d requests; want %d in %d", n, len(got), spans, requests)
	}
}
