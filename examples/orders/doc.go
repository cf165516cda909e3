// Command orders is the function behind an HTTP API. It takes orders and asks the prices service for prices, so one trace
// spans both processes. Its telemetry is sent after the response; main.go has the wiring.
//
// In the local Lambda, from the repository's root:
//
//	go build -tags lambda.norpc -o bin/orders ./examples/orders
//	go run ./cmd/epilogue run -trace -event examples/orders/events/create.json -- bin/orders
//
// With the prices service (make demo does that too, and shows the spans of both):
//
//	OTEL_TRACES_EXPORTER=none go run ./examples/prices &
//	go run ./cmd/epilogue run -trace -env PRICES_URL=http://127.0.0.1:8080 -event examples/orders/events/create.json -- bin/orders
//
// The folder events has events of API Gateway (payload format 2.0): create.json, create-base64.json, create-traced.json
// with a caller's trace context, cookies and a query, get.json, invalid.json, panic.json and timeout.json.
//
// Routes:
//
//	POST /orders       {"sku":"tea","quantity":2} becomes an order: 201, with Location
//	GET /orders/{id}   an order taken by this environment, or the sample order 17
//
// There is no database: orders live as long as the environment, and only the last thousand. Errors are
// {"error":"…"} with 400 (not JSON, unknown field), 404, 405, 413 (more than 64 KiB), 415 (not application/json),
// 422 (a quantity out of bounds, an unknown SKU) or 502 (no price available).
//
// It counts the orders (orders.taken, by article) and their totals (orders.amount). It logs through OpenTelemetry: without
// settings each log record is a line of JSON in the function's log, with the ids of request and trace, and metrics are lines of
// CloudWatch's embedded metric format.
//
// Settings:
//
//	PRICES_URL      base URL of the prices service; without it a short list built in answers, for a function deployed alone
//	PRICES_TIMEOUT  how long prices may take, a Go duration; default 2s
//	ORDERS_FAULTS   "on" adds the routes below, which break the function on purpose for the demo and the tests
//	OTEL_*          the OpenTelemetry variables that otelx reads
//
// Faults, for demonstrations only:
//
//	POST /faults/panic    panics with a span open
//	POST /faults/timeout  asks prices for its slowest article and ignores its deadline, until Lambda ends the environment
package main
