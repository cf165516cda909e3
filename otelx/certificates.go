package otelx

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

// maxCertificateFile bounds what is read of a file of certificates or a key. The bundle of all public authorities has
// a quarter of it.
const maxCertificateFile = 1 << 20

// authorities reads those that servers are verified against; nil, which means the system's, if none is given or the
// file is bad.
func (e *environment) authorities() *x509.CertPool {
	key, file := e.lookup(authorityKeys...)
	if key == "" {
		return nil
	}
	pool, err := readAuthorities(file)
	if err != nil {
		e.rejectFile(key, file, "%v; the system's authorities are trusted", err)
	}
	return pool
}

// clientCertificates reads the client's own certificate with its key; nil if they are not given or bad.
func (e *environment) clientCertificates() []tls.Certificate {
	certKey, certFile := e.lookup(certificateKeys...)
	keyKey, keyFile := e.lookup(privateKeyKeys...)
	switch {
	case certKey == "" && keyKey == "":
		return nil
	case keyKey == "":
		e.rejectFile(certKey, certFile, "set %s too; no client certificate is used", privateKeyKeys[1])
		return nil
	case certKey == "":
		e.rejectFile(keyKey, keyFile, "set %s too; no client certificate is used", certificateKeys[1])
		return nil
	}
	cert, err := readFile(certFile)
	if err != nil {
		e.rejectFile(certKey, certFile, "%v; no client certificate is used", err)
		return nil
	}
	private, err := readFile(keyFile)
	if err != nil {
		e.rejectFile(keyKey, keyFile, "%v; no client certificate is used", err)
		return nil
	}
	pair, err := tls.X509KeyPair(cert, private)
	if err != nil {
		e.rejectFile(certKey, certFile, "with %s=%s: %v; no client certificate is used", keyKey, quoteFile(keyFile), trimmed(err))
		return nil
	}
	return []tls.Certificate{pair}
}

// rejectFile is reject for a variable that names a file.
func (e *environment) rejectFile(key, file, format string, args ...any) {
	e.errs = append(e.errs, fmt.Errorf("%s=%s: %s", key, quoteFile(file), fmt.Sprintf(format, args...)))
}

// quoteFile is quote for a file's name. What does not look like one is not shown: it may be the key itself, in PEM or
// base64, where its file was to be named.
func quoteFile(name string) string {
	path := strings.HasPrefix(name, "/") || strings.ContainsAny(name, `.\`)
	if !path || len(name) > 1024 || strings.Contains(name, "-----") || hasControl(name) {
		return "(not shown)"
	}
	return quote(name)
}

func readAuthorities(file string) (*x509.CertPool, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("no certificate in PEM form in it")
	}
	return pool, nil
}

// readFile reads a regular file of at most maxCertificateFile bytes. Its errors do not hold the name: a device or a pipe
// could be read for ever, and what is no name must not be seen.
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

// withoutPath is err without the file's name, which the message has already, or must not have.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// trimmed bounds the text of an error that repeats parts of a file.
func trimmed(err error) string {
	const most = 200
	text := strings.ToValidUTF8(err.Error(), "")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
