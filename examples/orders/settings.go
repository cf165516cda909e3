package main

import (
	"fmt"
	"net/url"
	"time"
)

// settings are the function's own; the telemetry's are otelx's.
type settings struct {
	pricesURL     *url.URL // nil: use the list built in
	pricesTimeout time.Duration
	faults        bool
}

func readSettings(getenv func(string) string) (settings, error) {
	s := settings{pricesTimeout: 2 * time.Second}
	if v := getenv("PRICES_URL"); v != "" {
		u, err := url.Parse(v)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return settings{}, fmt.Errorf("PRICES_URL=%q: want a URL such as http://127.0.0.1:8080", v)
		}
		s.pricesURL = u
	}
	if v := getenv("PRICES_TIMEOUT"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return settings{}, fmt.Errorf("PRICES_TIMEOUT=%q: want a positive duration, such as 2s or 300ms", v)
		}
		s.pricesTimeout = d
	}
	switch v := getenv("ORDERS_FAULTS"); v {
	case "", "off":
	case "on":
		s.faults = true
	default:
		return settings{}, fmt.Errorf("ORDERS_FAULTS=%q: want on or off", v)
	}
	return s, nil
}
