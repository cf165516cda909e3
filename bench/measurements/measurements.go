// Package measurements makes the measurements of the comparison, with the API's global meter provider. They are equal in
// every program with metrics.
package measurements

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// perInvocation is the number of measurements that Take makes.
const perInvocation = 10

// The global provider replaces the instrument when the program sets its own. The name is valid, so there is no error.
var found, _ = otel.Meter("github.com/epilogue-go/epilogue/bench/measurements").Int64Counter("prices.found",
	metric.WithUnit("{price}"), metric.WithDescription("Prices that were found."))

// Take makes the measurements of an invocation.
func Take(ctx context.Context) {
	for range perInvocation {
		found.Add(ctx, 1, metric.WithAttributes(
			attribute.String("server.address", "prices.example.com"),
			attribute.Int("http.response.status_code", 200),
		))
	}
}
