package otlphttp

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/epilogue-go/epilogue/internal/version"
)

const (
	// maxIdle is how long an idle connection stays usable. net/http compares wall-clock times when it takes an idle
	// connection, so the limit holds across a freeze.
	maxIdle = 30 * time.Second
	// maxIdleConns is how many connections are kept, and so how many requests the next flush can send at once without
	// new handshakes.
	maxIdleConns = 8
	// maxDial limits a dial with its TLS handshake. Behind a proxy the handshake has a limit of its own, as long.
	maxDial = 10 * time.Second
	// maxKept is how many bytes of a response's headers are read, and how many of its body are kept.
	maxKept = 64 << 10
	// defaultMaxResponse is that of the OpenTelemetry Protocol Specification, "OTLP/HTTP Response".
	defaultMaxResponse = 4 << 20

	// exporterAgent follows the OpenTelemetry Protocol Exporter specification, "User Agent". The identifier of a
	// product comes before it.
	exporterAgent  = "OTel-OTLP-Exporter-Go/" + version.Version
	defaultProduct = "epilogue/" + version.Version
)

// ClientConfig configures a [Client]. The zero value is ready to use.
type ClientConfig struct {
	// Authorities verify the server's certificate; nil means the system's.
	Authorities *x509.CertPool
	// Certificates are shown to a server that requests a client certificate.
	Certificates []tls.Certificate
	// Dial opens connections; nil means TCP through the proxy of HTTPS_PROXY, HTTP_PROXY and NO_PROXY. A Dial of the
	// user's own uses no proxy. A panic of Dial is an error of the attempt.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// UserAgent is the identifier of a product, which comes before that of the exporter; default "epilogue/" and the
	// version. A User-Agent header of an endpoint replaces both.
	UserAgent string
}

// Client holds what the senders of one origin share: connections, TLS settings and the limits of dials.
type Client struct {
	cfg       ClientConfig
	transport *http.Transport
	dialer    *dialer
	gzips     sync.Pool // of *compressor
}

// NewClient returns a Client, which connects on the first Send. The caller must not change what cfg refers to.
func NewClient(cfg ClientConfig) *Client {
	cfg.UserAgent = cmp.Or(cfg.UserAgent, defaultProduct) + " " + exporterAgent
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Authorities, Certificates: cfg.Certificates}
	d := &dialer{connect: cfg.Dial, tls: tlsConfig}
	if cfg.Dial == nil {
		d.connect = new(net.Dialer).DialContext
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	t := &http.Transport{
		Protocols:              &protocols,
		TLSClientConfig:        tlsConfig, // of servers behind a proxy
		TLSHandshakeTimeout:    maxDial,
		DialContext:            d.dial,
		DialTLSContext:         d.dialTLS,
		MaxIdleConns:           maxIdleConns,
		MaxIdleConnsPerHost:    maxIdleConns,
		IdleConnTimeout:        maxIdle,
		MaxResponseHeaderBytes: maxKept,
		DisableCompression:     true,
	}
	if cfg.Dial == nil {
		t.Proxy = http.ProxyFromEnvironment
	}
	return &Client{cfg: cfg, transport: t, dialer: d, gzips: sync.Pool{New: newCompressor}}
}

// EndpointConfig configures a [Sender]. Only URL is required.
type EndpointConfig struct {
	// URL is the full URL, path included, with scheme http or https. User information in it becomes basic
	// authentication.
	URL *url.URL
	// Headers are set on each request, except Content-Type and Content-Encoding.
	Headers map[string]string
	// Timeout limits one attempt, from the dial to the last byte of the response; 0 leaves that to the context of Send.
	Timeout time.Duration
	// MaxResponse is how many bytes the body of a response may have; 0 means 4 MiB. It keeps at most 64 KiB in memory.
	MaxResponse int64
	// Gzip compresses requests at the fastest level, because a small function has little CPU.
	Gzip bool
	// Sign may add headers to a request. It is called last before each attempt with the bytes that go on the wire, and
	// must not keep them. A panic of Sign is an error of the attempt. An error with a method RetryNextFlush() bool that
	// returns true makes the outcome RetryNextFlush.
	Sign func(ctx context.Context, req *http.Request, body []byte) error
	// Classify explains refusals that OTLP counts as final. It gets the status and the redacted message of the server,
	// and returns a hint for the user (empty: none) and whether another attempt may succeed after all. nil explains
	// nothing, and so does a Classify that panics.
	Classify func(status int, message string) (hint string, retry bool)
}

// Endpoint returns a Sender to cfg over the connections of c. The caller must not change what cfg refers to.
func (c *Client) Endpoint(cfg EndpointConfig) *Sender {
	return &Sender{client: c, cfg: cfg, target: withoutSecrets(cfg.URL)}
}

// Close closes the idle connections and cancels dials whose requests have ended. Requests under way continue, and their
// connections are closed after them. A Send after Close opens a new connection. Close is idempotent.
func (c *Client) Close() error {
	c.dialer.close()
	c.transport.CloseIdleConnections()
	return nil
}
