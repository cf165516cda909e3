package otelenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	caVar      = "OTEL_EXPORTER_OTLP_CERTIFICATE"
	ownCAVar   = "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"
	clientVar  = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE"
	generalVar = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"
	privateVar = "OTEL_EXPORTER_OTLP_CLIENT_KEY"
	ownKeyVar  = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"
)

func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, "client")
	otherCert, other := writeCertificate(t, dir, "other")
	junk := write(t, dir, "junk.pem", []byte("junk"))
	huge := write(t, dir, "huge.pem", make([]byte, maxCertificateFile+1))
	for _, c := range []struct {
		name          string
		vars          map[string]string
		pool, present bool
		err           string
	}{
		{"authority", map[string]string{caVar: cert}, true, false, ""},
		{"both", map[string]string{caVar: cert, clientVar: cert, privateVar: key}, true, true, ""},
		{"signal's unreadable", map[string]string{ownCAVar: dir + "/none", caVar: cert}, true, false, ownCAVar + `="` + dir + `/none": no such file or directory; ` + caVar + ` is used`},
		{"signal's junk", map[string]string{ownCAVar: junk, caVar: cert}, true, false, "no certificate in PEM form in that file; " + caVar + " is used"},
		{"signal's good", map[string]string{ownCAVar: cert, caVar: junk}, true, false, ""},
		{"mixed pair", map[string]string{generalVar: cert, ownKeyVar: key}, false, true, ""},
		{"mixed pair, other general certificate", map[string]string{clientVar: cert, generalVar: otherCert, privateVar: key}, false, true, ""},
		{"mixed pair, other general key", map[string]string{generalVar: cert, privateVar: other, ownKeyVar: key}, false, true, ""},
		{"signal's certificate unreadable", map[string]string{clientVar: "/none", generalVar: cert, privateVar: key}, false, true, clientVar + `="/none": no such file or directory; ` + generalVar + " with " + privateVar + " is used"},
		{"signal's pair does not fit", map[string]string{clientVar: cert, ownKeyVar: other, generalVar: cert, privateVar: key}, false, true, "does not match public key; " + clientVar + " with " + privateVar + " is used"},
		{"missing file", map[string]string{caVar: dir + "/none"}, false, false, caVar + `="` + dir + `/none": no such file or directory; the system's authorities are used`},
		{"directory", map[string]string{caVar: dir}, false, false, caVar + `="` + dir + `": not a regular file`},
		{"endless", map[string]string{caVar: "/dev/zero"}, false, false, caVar + `="/dev/zero": not a regular file`},
		{"huge", map[string]string{caVar: huge}, false, false, "more than 1048576 bytes"},
		{"junk", map[string]string{caVar: junk}, false, false, "no certificate in PEM form in that file"},
		{"no key", map[string]string{clientVar: cert}, false, false, clientVar + `="` + cert + `": a certificate without its key (set OTEL_EXPORTER_OTLP_CLIENT_KEY too)`},
		{"no certificate", map[string]string{privateVar: key}, false, false, privateVar + `="` + key + `": a key without its certificate (set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE too)`},
		{"missing certificate", map[string]string{clientVar: "./none", privateVar: key}, false, false, clientVar + `="./none": no such file`},
		{"missing key", map[string]string{clientVar: cert, privateVar: "none.key"}, false, false, privateVar + `="none.key": no such file`},
		{"junk for a key", map[string]string{clientVar: cert, privateVar: junk}, false, false, privateVar + `="` + junk + `": tls: failed to find any PEM data in key input`},
		{"another's key", map[string]string{clientVar: cert, privateVar: other}, false, false, "private key does not match public key; no client certificate is used"},
	} {
		env := mapEnv(c.vars)
		if got := env.Authorities(Traces) != nil; got != c.pool {
			t.Errorf("%s: own authorities %v, want %v", c.name, got, c.pool)
		}
		if got := len(env.ClientCertificates(Traces)) > 0; got != c.present {
			t.Errorf("%s: client certificate %v, want %v", c.name, got, c.present)
		}
		wantError(t, env, c.err)
	}
}

// The key itself instead of its file's name must not get into an error.
func TestKeyInPlaceOfItsFile(t *testing.T) {
	dir := t.TempDir()
	cert, keyFile := writeCertificate(t, dir, "client")
	text, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	for name, value := range map[string]string{
		"PEM":           string(text),
		"PEM in base64": base64.StdEncoding.EncodeToString(text),
		"DER in base64": base64.StdEncoding.EncodeToString(block.Bytes),
		"PEM, a line":   strings.ReplaceAll(string(text), "\n", `\n`),
	} {
		for _, vars := range []map[string]string{
			{privateVar: value}, {privateVar: value, clientVar: cert}, {clientVar: value, privateVar: keyFile}, {caVar: value},
		} {
			env := mapEnv(vars)
			env.Authorities(Traces)
			env.ClientCertificates(Traces)
			wantError(t, env, "=(not shown): ")
			if err := errors.Join(env.errs...); strings.Contains(err.Error(), value[40:60]) {
				t.Errorf("%s: the key is in the error: %v", name, err)
			}
		}
	}
}

// FuzzCertificates feeds files of authorities, and of a certificate with its key.
func FuzzCertificates(f *testing.F) {
	dir := f.TempDir()
	cert, key := writeCertificate(f, dir, "seed")
	for _, name := range []string{cert, key} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, "fuzzed.pem")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, vars := range []map[string]string{{caVar: file}, {clientVar: file, privateVar: file}} {
			env := mapEnv(vars)
			authorities, certificates := env.Authorities(Traces), env.ClientCertificates(Traces)
			if good := authorities != nil || certificates != nil; good != (len(env.errs) == 0) {
				t.Errorf("used: %t, errors: %v", good, env.errs)
			}
			for _, err := range env.errs {
				if text := err.Error(); !strings.HasPrefix(text, "OTEL_EXPORTER_OTLP_") || len(text) > 1000 {
					t.Errorf("error %q", text)
				}
			}
		}
	})
}

// FuzzQuoteFile looks for a key in the quoted name of a file.
func FuzzQuoteFile(f *testing.F) {
	f.Add("/etc/ssl/client.key")
	f.Add("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI.\n-----END")
	f.Add("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JR0hBZ0VBTUJNR0J5cUdTTTQ5")
	f.Fuzz(func(t *testing.T, name string) {
		got := quoteFile(name)
		if encoded := base64.URLEncoding.EncodeToString([]byte(name)); quoteFile(encoded) != "(not shown)" {
			t.Errorf("%q is shown", encoded)
		}
		if len(got) > 4*130 || strings.ContainsAny(got, "\n\x00") || strings.Contains(name, "-----BEGIN") && got != "(not shown)" {
			t.Errorf("%q is shown as %q", name, got)
		}
	})
}

func write(tb testing.TB, dir, name string, data []byte) (file string) {
	tb.Helper()
	file = filepath.Join(dir, name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

func writeCertificate(tb testing.TB, dir, name string) (certFile, keyFile string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return write(tb, dir, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		write(tb, dir, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}
