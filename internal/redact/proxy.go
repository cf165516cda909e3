package redact

import (
	"errors"
	"net/http"
	"net/url"
)

// Proxy is http.ProxyFromEnvironment without the variable's value, which may hold a password, in its errors.
func Proxy(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errors.New("HTTPS_PROXY or HTTP_PROXY: not the URL of a proxy (for example http://proxy:3128)")
	}
	return u, nil
}
