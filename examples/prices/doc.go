// Command prices is an ordinary HTTP service that shares its telemetry set-up with the functions beside it: otelx knows
// nothing of Lambda, and serves a process that lives for weeks as well as one that freezes.
//
//	go run ./examples/prices
//	curl 127.0.0.1:8080/prices/tea
//
// It answers GET /prices/{sku} with a price in cents, 404 if it sells no such thing, and GET /healthz. One thing it sells
// only slowly: the price of "glacier-ice" is given after PRICES_SLOW, so that a caller's timeout can be tried for real.
//
// On SIGTERM or SIGINT it stops to accept, lets the requests in flight finish, and delivers what telemetry is left; both
// are bounded, together they take at most eight seconds.
//
// Settings:
//
//	PRICES_ADDR   address to listen on; default 127.0.0.1:8080. With port 0 the system chooses; the address is logged.
//	PRICES_SLOW   how long "glacier-ice" takes, a Go duration; default 1m.
//	OTEL_*        the OpenTelemetry variables that otelx reads. The service's name is "prices" unless they say otherwise.
package main
