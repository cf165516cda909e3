package otelx_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
	"github.com/epilogue-go/epilogue/otelx"
)

// mostDials bounds the dials under way to a backend that takes no connection: eight that no request waits for any more, one
// that has just been given up, and one that a request waits for.
const mostDials = 10

// TestBlackHole: flushes to a network that answers nothing leave a bounded number of dials under way, which end when the
// SDK is shut down.
func TestContractDialsToABlackHoleAreBounded(t *testing.T) {
	var open, most atomic.Int64
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		most.Store(max(most.Load(), open.Add(1)))
		defer open.Add(-1)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	contract(t, func(f *fixture) {
		f.end("a")
		for range 100 {
			if o := f.flush(5 * ms); o.err == nil || o.took > 5*ms {
				f.Errorf("ForceFlush: %v after %v", o.err, o.took)
			}
		}
		if most.Load() > mostDials {
			f.Errorf("%d dials were under way at once", most.Load())
		}
		_ = f.shutdown(5 * ms)
		synctest.Wait()
		if n := open.Load(); n != 0 {
			f.Errorf("%d dials under way after Shutdown", n)
		}
	}, otelx.WithDialer(dial))
}

// TestHandshakeWithoutEnd: a server that accepts connections and never answers the TLS handshake is the same black hole.
func TestContractHandshakesWithoutEndAreBounded(t *testing.T) {
	var open, most atomic.Int64
	var network *lambdatest.Network
	contract(t, func(f *fixture) {
		network = f.network
		listener, err := network.Listen("silent.test:4318")
		if err != nil {
			f.Fatal(err)
		}
		defer listener.Close()
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				most.Store(max(most.Load(), open.Add(1)))
				go func() {
					_, _ = io.Copy(io.Discard, conn)
					open.Add(-1)
					_ = conn.Close()
				}()
			}
		}()
		f.end("a")
		for range 100 {
			if o := f.flush(5 * ms); o.err == nil || o.took > 5*ms {
				f.Errorf("ForceFlush: %v after %v", o.err, o.took)
			}
		}
		synctest.Wait()
		if most.Load() > mostDials {
			f.Errorf("%d connections were open at once", most.Load())
		}
		_ = f.shutdown(5 * ms)
		synctest.Wait()
		if n := open.Load(); n != 0 {
			f.Errorf("%d connections open after Shutdown", n)
		}
	}, otelx.WithEndpoint("https://silent.test:4318/v1/traces"))
}

// A flush too short for the connection is not for nothing: the next one has its connection.
func TestContractSlowConnectionServesTheNextFlush(t *testing.T) {
	var network *lambdatest.Network
	var dials atomic.Int64
	dial := func(ctx context.Context, n, address string) (net.Conn, error) {
		dials.Add(1)
		select {
		case <-time.After(500 * ms):
			return network.DialContext(ctx, n, address)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	contract(t, func(f *fixture) {
		network = f.network
		f.end("a")
		if o := f.flush(ms); o.err == nil {
			f.Error("ForceFlush: nil before there was a connection")
		}
		time.Sleep(time.Second)
		f.mustFlush(time.Second, 0)
		if n := dials.Load(); n != 1 {
			f.Errorf("%d connections, want one", n)
		}
	}, otelx.WithDialer(dial))
}

// The backend closes its connections while the process is frozen: the next flush does not fail for it.
func TestContractStaleConnectionsAreReplaced(t *testing.T) {
	contract(t, func(f *fixture) {
		for range 60 {
			f.end("a")
			f.mustFlush(time.Second, 10*ms)
			f.backend.CutConnections()
			synctest.Wait()
		}
		f.wantCounts(spanCounts{ended: 60, exported: 60})
		if n := f.backend.Duplicates(); n != 0 {
			f.Errorf("%d spans came twice", n)
		}
	})
}

// TestGoodbyeDoesNotWait: closing a TLS connection whose peer does not read holds no caller. crypto/tls alone waits for five
// seconds.
func TestContractCloseNotifyDoesNotWait(t *testing.T) {
	authority, cert := certificate(t, "collector.test")
	var near net.Conn
	dial := func(context.Context, string, string) (net.Conn, error) { return near, nil }
	contract(t, func(f *fixture) {
		var far net.Conn
		near, far = net.Pipe() // a write waits for its reader
		defer far.Close()
		server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}})
		go func() { // reads one request and nothing more
			var request []byte
			for b := make([]byte, 4<<10); !bytes.Contains(request, []byte("the-span")); {
				n, err := server.Read(b)
				if err != nil {
					return
				}
				request = append(request, b[:n]...)
			}
		}()
		f.end("the-span")
		if o := f.flush(time.Second); !errors.Is(o.err, context.DeadlineExceeded) || o.took > time.Second+5*ms {
			f.Errorf("ForceFlush: %v after %v", o.err, o.took)
		}
		_ = far.Close()
		if o := f.shutdown(100 * ms); o.took > 105*ms {
			f.Errorf("Shutdown: %v after %v", o.err, o.took)
		}
		time.Sleep(time.Minute)
	}, otelx.WithEndpoint("https://collector.test/v1/traces"), otelx.WithDialer(dial),
		environ("OTEL_EXPORTER_OTLP_CERTIFICATE="+authority))
}

// Over TCP, with a signer, compression and headers; through the provider, as a program does that has only that.
func TestContractRequestOverTCP(t *testing.T) {
	backend := otlpreceiver.New(otlpreceiver.Config{})
	if err := backend.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = backend.Close() }()
	backend.FailNext(otlpreceiver.Fault{Status: 503}, otlpreceiver.Fault{Cut: otlpreceiver.BeforeStore})
	signed := 0
	s, err := newSDK(t, environ("OTEL_EXPORTER_OTLP_ENDPOINT="+backend.Endpoint()+"/base", "OTEL_EXPORTER_OTLP_HEADERS=x-env=s%20t",
		"OTEL_EXPORTER_OTLP_COMPRESSION=gzip"),
		otelx.WithSigner(func(_ context.Context, req *http.Request, body []byte) error {
			signed++
			req.Header.Set("X-Length", strconv.Itoa(len(body)))
			return nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	span(s, "a")
	provider, _ := otel.GetTracerProvider().(*sdktrace.TracerProvider)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := errors.Join(provider.ForceFlush(ctx), provider.Shutdown(ctx)); err != nil {
		t.Error(err)
	}
	requests := backend.Requests()
	if len(requests) != 3 || len(backend.Spans()) != 1 || signed != 3 {
		t.Fatalf("requests %q, %d spans, %d attempts signed", outcomes(requests), len(backend.Spans()), signed)
	}
	r := requests[2]
	if r.Path != "/base/v1/traces" || r.Header.Get("X-Env") != "s t" || r.ContentType != "application/x-protobuf" || r.Encoding != "gzip" ||
		r.Header.Get("X-Length") != strconv.Itoa(r.Size) {
		t.Errorf("request %+v", r)
	}
}

// certificate returns a self-signed certificate for host, and the name of a PEM file with it. It is valid in the year 2000,
// in which virtual time begins.
func certificate(t *testing.T, host string) (file string, cert tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
