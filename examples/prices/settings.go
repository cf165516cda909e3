package main

import (
	"fmt"
	"time"
)

// settings are the service's own; the telemetry's are otelx's.
type settings struct {
	addr string
	slow time.Duration
}

func readSettings(getenv func(string) string) (settings, error) {
	s := settings{addr: "127.0.0.1:8080", slow: time.Minute}
	if v := getenv("PRICES_ADDR"); v != "" {
		s.addr = v
	}
	if v := getenv("PRICES_SLOW"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return settings{}, fmt.Errorf("PRICES_SLOW=%q: want a duration that is not negative, such as 1m or 300ms", v)
		}
		s.slow = d
	}
	return s, nil
}
