package redact

import (
	"errors"
	"net/http"
	"net/url"
)

// Proxy is http.ProxyFromEnvironment, but for its errors: they show the variable's value, password included.
func Proxy(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errors.New("HTTPS_PROXY or HTTP_PROXY is no URL of a proxy; write one such as http://proxy:3128")
	}
	return u, nil
}
