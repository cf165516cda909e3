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
// nil, which means the system's authorities, if no variable names a good file.
func (r *Reader) Authorities(s Signal) *x509.CertPool {
	errs := r.Mark()
	for _, f := range r.files(s.Keys("CERTIFICATE")) {
		pool := x509.NewCertPool()
		if pool.AppendCertsFromPEM(f.data) {
			r.Conclude(errs, f.key+" is used")
			return pool
		}
		r.rejectFile(f, errors.New("no certificate in PEM form in that file"))
	}
	r.Conclude(errs, "the system's authorities are used")
	return nil
}

// ClientCertificates reads OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY. Certificate and key may
// be of different ranks: the first pair that fits counts. It is nil if there is none.
func (r *Reader) ClientCertificates(s Signal) []tls.Certificate {
	certKeys, privateKeys := s.Keys("CLIENT_CERTIFICATE"), s.Keys("CLIENT_KEY")
	errs := r.Mark()
	certs, privates := r.files(certKeys), r.files(privateKeys)
	for i, cert := range certs {
		for j, private := range privates {
			pair, err := tls.X509KeyPair(cert.data, private.data)
			if err == nil {
				r.Conclude(errs, fmt.Sprintf("%s with %s is used", cert.key, private.key))
				return []tls.Certificate{pair}
			}
			if i == 0 && j == 0 {
				r.rejectFile(cert, fmt.Errorf("with %s=%s: %s", private.key, quoteFile(private.name), shortened(err)))
			}
		}
	}
	if key, _ := r.Lookup(privateKeys...); key == "" && len(certs) > 0 {
		r.rejectFile(certs[0], fmt.Errorf("a certificate without its key (set %s too)", privateKeys[1]))
	}
	if key, _ := r.Lookup(certKeys...); key == "" && len(privates) > 0 {
		r.rejectFile(privates[0], fmt.Errorf("a key without its certificate (set %s too)", certKeys[1]))
	}
	r.Conclude(errs, "no client certificate is used")
	return nil
}

// file is a file that the variable key names.
type file struct {
	key, name string
	data      []byte
}

// files reads the files that keys name, and rejects those that it cannot read.
func (r *Reader) files(keys []string) (files []file) {
	for _, k := range keys {
		key, name := r.Lookup(k)
		if key == "" {
			continue
		}
		f := file{key: key, name: name}
		var err error
		if f.data, err = readFile(name); err != nil {
			r.rejectFile(f, err)
			continue
		}
		files = append(files, f)
	}
	return files
}

// rejectFile is Reject for a variable that names a file.
func (r *Reader) rejectFile(f file, problem error) {
	r.Fail(fmt.Errorf("%s=%s: %w", f.key, quoteFile(f.name), problem))
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

// readFile reads a regular file of at most maxCertificateFile bytes; a device or a pipe may have no end. Its errors do not
// show the name, which may not be one.
func readFile(name string) (data []byte, err error) {
	defer func() {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
	}()
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case info.Size() > maxCertificateFile:
		return nil, fmt.Errorf("more than %d bytes", maxCertificateFile)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, maxCertificateFile))
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
