// Package records emits the log records of the comparison, with the API's global logger provider. They are equal in every
// program with logs, and have the size of a line about an HTTP client call.
package records

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
)

// PerInvocation is the number of records that Emit emits.
const PerInvocation = 10

// Emit emits the records of an invocation.
func Emit(ctx context.Context) {
	logger := otel.Logger("github.com/epilogue-go/epilogue/bench/records")
	for range PerInvocation {
		var r log.Record
		r.SetTimestamp(time.Now())
		r.SetSeverity(log.SeverityInfo)
		r.SetSeverityText("INFO")
		r.SetBody(attribute.StringValue("the price was found"))
		r.AddAttributes(
			attribute.String("sku", "tea"),
			attribute.String("server.address", "prices.example.com"),
			attribute.Int("http.response.status_code", 200),
		)
		logger.Emit(ctx, r)
	}
}
