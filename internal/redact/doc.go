// Package redact prepares the words of a server, a proxy or net/http about a request for a log. They may repeat the request's
// credentials, and anything else.
package redact
