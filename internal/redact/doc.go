// Package redact prepares texts of a server, a proxy or net/http about a request for a log. Such a text may contain the
// request's credentials, and any other bytes.
package redact
