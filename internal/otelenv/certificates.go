package otelenv

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxCertificateFile is the largest file of certificates, or of a key, that is read. The bundle of all public authorities
// has a quarter of that.
const maxCertificateFile = 1 << 20

// Authorities reads OTEL_EXPORTER_OTLP_CERTIFICATE, the file of the authorities that servers are verified against. It is
// nil, which means the system's authorities, if the variable is unset or bad.
func (r *Reader) Authorities(s Signal) *x509.CertPool {
	key, file := r.Lookup(s.keys("CERTIFICATE")...)
	if key == "" {
		return nil
	}
	pool, err := readAuthorities(file)
	if err != nil {
		r.rejectFile(key, file, "%v; the system's authorities are used", err)
	}
	return pool
}

// ClientCertificates reads OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY. It is nil if they are
// unset or bad.
func (r *Reader) ClientCertificates(s Signal) []tls.Certificate {
	certKeys, privateKeys := s.keys("CLIENT_CERTIFICATE"), s.keys("CLIENT_KEY")
	certKey, certFile := r.Lookup(certKeys...)
	privateKey, privateFile := r.Lookup(privateKeys...)
	switch {
	case certKey == "" && privateKey == "":
		return nil
	case privateKey == "":
		r.rejectFile(certKey, certFile, "a certificate without its key (set %s too); no client certificate is used", privateKeys[1])
		return nil
	case certKey == "":
		r.rejectFile(privateKey, privateFile, "a key without its certificate (set %s too); no client certificate is used", certKeys[1])
		return nil
	}
	cert := r.readPart(certKey, certFile)
	if cert == nil {
		return nil
	}
	private := r.readPart(privateKey, privateFile)
	if private == nil {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, private)
	if err != nil {
		r.rejectFile(certKey, certFile, "with %s=%s: %v; no client certificate is used", privateKey, quoteFile(privateFile), shortened(err))
		return nil
	}
	return []tls.Certificate{pair}
}

// readPart reads the file of a client certificate or of its key. It is nil if that fails.
func (r *Reader) readPart(key, file string) []byte {
	data, err := readFile(file)
	if err != nil {
		r.rejectFile(key, file, "%v; no client certificate is used", err)
		return nil
	}
	return data
}

// rejectFile is Reject for a variable that names a file.
func (r *Reader) rejectFile(key, file, format string, args ...any) {
	r.Fail(fmt.Errorf("%s=%s: %s", key, quoteFile(file), fmt.Sprintf(format, args...)))
}

// quoteFile is Quote for a file's name. A value that does not look like a name is not shown: it may be the key itself, in
// PEM or base64.
func quoteFile(name string) string {
	path := strings.HasPrefix(name, "/") || strings.ContainsAny(name, `.\`)
	if !path || len(name) > 1024 || strings.Contains(name, "-----") || hasControl(name) {
		return "(not shown)"
	}
	return Quote(name)
}

func readAuthorities(file string) (*x509.CertPool, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("no certificate in PEM form in that file")
	}
	return pool, nil
}

// readFile reads a regular file of at most maxCertificateFile bytes; a device or a pipe may have no end. Its errors do not
// show the name, which may not be one.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, withoutPath(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case info.Size() > maxCertificateFile:
		return nil, fmt.Errorf("more than %d bytes", maxCertificateFile)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxCertificateFile))
	return data, withoutPath(err)
}

// withoutPath returns err without the file's name.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// shortened returns the text of an error that may repeat parts of a file, cut to a bounded length.
func shortened(err error) string {
	const most = 200
	text := strings.ToValidUTF8(err.Error(), "")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
