package xray

import (
	"bytes"
	"compress/gzip"
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
	"strconv"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/otelx"
)

const (
	keyID  = "AKIDEXAMPLE17"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	token  = "IQoJb3JpZ2luX2VjEXAMPLE/token+=="
)

// backend is X-Ray's OTLP endpoint at one host, over TLS and in memory: it verifies signatures, keeps X-Ray's limits, and
// answers by a script.
type backend struct {
	verifier

	host string
	env  map[string]string // that leads there
	net  lambdatest.Network

	mu       sync.Mutex
	script   []reply // of the next requests; then they are judged
	requests []received
	spans    int // accepted
}

// reply is an answer; a message of * is what the request had in its headers.
type reply struct {
	status                        int
	message, retryAfter, location string
}

// received is a request as it came.
type received struct {
	req   *http.Request
	body  []byte
	at    time.Time
	spans int
	err   error // of its signature
}

// serve starts a backend at host, which is one of region's.
func serve(t *testing.T, host, region string) *backend {
	t.Helper()
	certificate, file := certify(t, host)
	b := &backend{
		host: host, verifier: verifier{secrets: map[string]string{keyID: secret}, region: region, service: "xray"},
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
		_ = server.Close()
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
	b.mu.Lock()
	defer b.mu.Unlock()
	r := received{req: req, body: body, at: time.Now(), err: b.verify(req, body, time.Now())}
	answer := reply{status: http.StatusOK}
	switch traces, err := plain(req, body); {
	case len(b.script) > 0:
		answer, b.script = b.script[0], b.script[1:]
	case err != nil:
		answer = reply{status: http.StatusBadRequest, message: err.Error()}
	case r.err != nil:
		answer = reply{status: http.StatusForbidden, message: r.err.Error()}
	default:
		r.spans = count(traces)
		b.spans += r.spans
	}
	b.requests = append(b.requests, r)
	if answer.message == "*" {
		var echo bytes.Buffer
		_ = req.Header.Write(&echo)
		answer.message = echo.String()
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	if answer.retryAfter != "" {
		w.Header().Set("Retry-After", answer.retryAfter)
	}
	if answer.location != "" {
		w.Header().Set("Location", answer.location)
	}
	w.WriteHeader(answer.status)
	if answer.status != http.StatusOK {
		_, _ = w.Write(status(answer.message))
	}
}

// status is a google.rpc.Status of code INVALID_ARGUMENT.
func status(message string) []byte {
	b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 3)
	return protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), message)
}

func plain(req *http.Request, body []byte) (*tracepb.TracesData, error) {
	if req.Header.Get("Content-Encoding") == "gzip" {
		zip, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body, err = io.ReadAll(zip); err != nil {
			return nil, err
		}
	}
	traces := new(tracepb.TracesData)
	return traces, proto.Unmarshal(body, traces)
}

func count(traces *tracepb.TracesData) (n int) {
	for _, rs := range traces.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			n += len(ss.GetSpans())
		}
	}
	return n
}

// got returns the requests so far.
func (b *backend) got() []received {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests
}

// answers scripts the next requests.
func (b *backend) answers(script ...reply) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.script = append(b.script, script...)
}

// wantSigned checks that exactly n requests came, all of them signed, and n with spans accepted.
func (b *backend) wantSigned(t *testing.T, requests, spans int) {
	t.Helper()
	got := b.got()
	for i, r := range got {
		if r.err != nil {
			t.Errorf("request %d: %v\n%v", i+1, r.err, r.req.Header)
		}
	}
	if b.spans != spans || len(got) != requests {
		t.Errorf("%s spans in %d requests; want %d in %d", strconv.Itoa(b.spans), len(got), spans, requests)
	}
}
