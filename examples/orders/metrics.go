package main

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// instruments are the function's own metrics. They are created at start.
type instruments struct {
	taken  metric.Int64Counter
	amount metric.Int64Histogram
}

func newInstruments(meter metric.Meter) (instruments, error) {
	taken, err := meter.Int64Counter("orders.taken",
		metric.WithUnit("{order}"), metric.WithDescription("Orders taken, by article"))
	amount, amountErr := meter.Int64Histogram("orders.amount",
		metric.WithUnit("{cent}"), metric.WithDescription("Totals of the orders taken"))
	return instruments{taken, amount}, errors.Join(err, amountErr)
}

// count records an order. Each value of an attribute is a series of its own: the shop has few articles, and each order has an ID.
// So the article is an attribute and the ID is not.
func (i instruments) count(ctx context.Context, o order) {
	i.taken.Add(ctx, 1, metric.WithAttributes(attribute.String("order.sku", o.SKU)))
	i.amount.Record(ctx, o.TotalCents, metric.WithAttributes(attribute.String("order.currency", o.Currency)))
}
