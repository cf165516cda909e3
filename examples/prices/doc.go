// Command prices is an ordinary HTTP service that shares its telemetry setup with the functions: otelx does not
// depend on Lambda, and serves a process that lives for weeks as well as one that freezes.
//
//	go run ./examples/prices
//	curl 127.0.0.1:8080/prices/tea
//
// It answers GET /prices/{sku} with a price in cents, 404 if it sells no such thing, and GET /healthz. The price of
// "glacier-ice" takes PRICES_SLOW, so that callers can test their timeouts.
//
// It sends metrics of its requests and of the Go runtime, and each line of its log as a log record too.
//
// On SIGTERM or SIGINT it stops accepting, finishes the requests in flight, and delivers pending telemetry. Together both
// take at most eight seconds.
//
// Settings:
//
//	PRICES_ADDR   address to listen on; default 127.0.0.1:8080. With port 0 the system chooses; the address is logged.
//	PRICES_SLOW   how long "glacier-ice" takes, a Go duration; default 1m.
//	OTEL_*        the OpenTelemetry variables that otelx reads. The service's name is "prices" unless they say otherwise.
package main
