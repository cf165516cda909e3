// Command sdk is the function with spans and without a span processor. It is what any program with spans
// costs before it does anything with them.
package main

import (
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/epilogue-go/epilogue/bench/function"
	"github.com/epilogue-go/epilogue/bench/spans"
)

func main() {
	otel.SetTracerProvider(sdktrace.NewTracerProvider())
	function.Start(function.New(spans.Children).Handle, spans.Open())
}
