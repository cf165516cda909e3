package main

import "testing"

func TestBadSettings(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"PRICES_URL", "127.0.0.1:8080", `PRICES_URL="127.0.0.1:8080": want a URL such as http://127.0.0.1:8080`},
		{"PRICES_URL", "http://", `PRICES_URL="http://": want a URL such as http://127.0.0.1:8080`},
		{"PRICES_TIMEOUT", "2", `PRICES_TIMEOUT="2": want a positive duration, such as 2s or 300ms`},
		{"PRICES_TIMEOUT", "-1s", `PRICES_TIMEOUT="-1s": want a positive duration, such as 2s or 300ms`},
		{"ORDERS_FAULTS", "yes", `ORDERS_FAULTS="yes": want on or off`},
	} {
		_, err := newAPI(func(key string) string {
			if key == tt.key {
				return tt.value
			}
			return ""
		})
		if err == nil || err.Error() != tt.want {
			t.Errorf("got %v; want %s", err, tt.want)
		}
	}
}
