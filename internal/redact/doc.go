// Package redact makes fit for a log what a server, a proxy or an error of net/http says about a request: it may repeat
// the credentials that the request was sent with, and whatever else it likes.
package redact
