// Package awstest has OTLP endpoints of AWS for tests.
package awstest

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
)

// Credentials that an [Endpoint] accepts.
const (
	KeyID  = "AKIDEXAMPLE17"
	Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	Token  = "IQoJb3JpZ2luX2VjEXAMPLE/token+=="
)

// Endpoint is a service's OTLP endpoint at one host, over TLS and in memory: it verifies signatures before the receiver's own
// answer.
type Endpoint struct {
	*otlpreceiver.Receiver
	Verifier

	Certificate string // a file with the authority of the host's certificate

	mu       sync.Mutex
	requests []Request
	echo     int // the status of answers that repeat the request's headers; 0: none
}

// Request is a request as it came.
type Request struct {
	*http.Request

	Bytes []byte // the body
	Err   error  // of its signature
}

// Serve starts an endpoint of a service at host, which is one of region's. It ends with the test.
func Serve(t testing.TB, network *lambdatest.Network, host, service, region string) *Endpoint {
	t.Helper()
	certificate, file := certify(t, host)
	e := &Endpoint{
		Receiver:    otlpreceiver.New(otlpreceiver.Config{}),
		Verifier:    Verifier{Secrets: map[string]string{KeyID: Secret}, Service: service, Region: region},
		Certificate: file,
	}
	listener, err := network.Listen(host + ":443")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: e, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}))
	}()
	t.Cleanup(func() {
		_, _ = server.Close(), e.Close()
		<-served
	})
	return e
}

// Env returns the credentials of a process that e accepts.
func Env() map[string]string {
	return map[string]string{"AWS_ACCESS_KEY_ID": KeyID, "AWS_SECRET_ACCESS_KEY": Secret, "AWS_SESSION_TOKEN": Token}
}

// certify makes a certificate for host, which is also its own authority, in file.
func certify(t testing.TB, host string) (certificate tls.Certificate, file string) {
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

func (e *Endpoint) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r := Request{Request: req, Bytes: body, Err: e.Verify(req, body, time.Now())}
	e.mu.Lock()
	e.requests = append(e.requests, r)
	echo := e.echo
	e.mu.Unlock()
	switch {
	case echo != 0:
		var said bytes.Buffer
		_ = req.Header.Write(&said)
		http.Error(w, said.String(), echo)
	case r.Err != nil:
		http.Error(w, r.Err.Error(), http.StatusForbidden)
	default:
		req.Body = io.NopCloser(bytes.NewReader(body))
		e.Receiver.ServeHTTP(w, req)
	}
}

// Echo makes e answer with a request's headers and this status.
func (e *Endpoint) Echo(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.echo = status
}

// Got returns the requests so far.
func (e *Endpoint) Got() []Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requests
}

// WantSigned checks that exactly so many requests came, all of them signed.
func (e *Endpoint) WantSigned(t testing.TB, requests int) {
	t.Helper()
	got := e.Got()
	for i, r := range got {
		if r.Err != nil {
			t.Errorf("request %d: %v\n%v", i+1, r.Err, r.Header)
		}
	}
	if len(got) != requests {
		t.Errorf("%d requests, want %d", len(got), requests)
	}
}
