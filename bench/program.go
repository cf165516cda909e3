package main

import (
	"fmt"

	"github.com/epilogue-go/epilogue/bench/function"
)

// program is one of those compared: a folder of rivals.
type program struct {
	name    string
	silent  bool // it exports nothing
	grpc    bool // it exports over gRPC
	signals bool // it exports metrics and log records, too
}

// programs are in the order of the table's columns. The first one is the base.
var programs = []program{
	{name: "bare", silent: true},
	{name: "sdk", silent: true},
	{name: "epilogue"},
	{name: "signals", signals: true},
	{name: "otlphttp"},
	{name: "otlpgrpc", grpc: true},
	{name: "autoexport"},
	{name: "doubledecode"},
	{name: "official", signals: true},
}

// environment are the program's variables besides Lambda's own.
func (p program) environment(c *collector, spans int, more ...string) []string {
	endpoint := c.httpURL
	if p.grpc {
		endpoint = c.grpcURL
	}
	return append([]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint, fmt.Sprintf("%s=%d", function.SpansVariable, spans),
		"EPILOGUE_FLUSH_TIMEOUT=10s", // a busy machine cuts no flush short; the official exporters' timeout is 10 s, too
	}, more...)
}
