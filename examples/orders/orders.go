package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// create answers POST /orders.
func (a *api) create(ctx context.Context, req request) response {
	w, r := a.validate(ctx, req)
	if r != nil {
		return failure(r.status, r.message)
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	unit, err := a.prices.price(ctx, w.SKU)
	switch {
	case errors.Is(err, errUnknownSKU):
		return failure(http.StatusUnprocessableEntity, "sku "+w.SKU+" is not sold here")
	case err != nil:
		slog.WarnContext(ctx, "no price to be had", "sku", w.SKU, "error", err)
		span := trace.SpanFromContext(ctx)
		span.RecordError(err)
		span.SetStatus(codes.Error, "no price to be had")
		return failure(http.StatusBadGateway, "no price to be had; try again")
	}
	o := order{
		ID: strings.ToLower(rand.Text()[:12]), SKU: w.SKU, Quantity: w.Quantity,
		UnitCents: unit.Cents, TotalCents: unit.Cents * w.Quantity, Currency: unit.Currency,
	}
	a.save(ctx, o)
	a.metrics.count(ctx, o)
	slog.InfoContext(ctx, "order taken", "order", o.ID, "sku", o.SKU, "cents", o.TotalCents)
	res := answer(http.StatusCreated, o)
	res.Headers["location"] = "/orders/" + o.ID
	return res
}

// validate reads the order wished for, in a span of its own.
func (a *api) validate(ctx context.Context, req request) (wish, *rejection) {
	_, span := a.tracer.Start(ctx, "validate order")
	defer span.End()
	w, r := readWish(req)
	if r != nil {
		span.SetAttributes(attribute.String("order.rejected", r.message))
		return wish{}, r
	}
	span.SetAttributes(attribute.String("order.sku", w.SKU), attribute.Int64("order.quantity", w.Quantity))
	return w, nil
}

func (a *api) save(ctx context.Context, o order) {
	_, span := a.tracer.Start(ctx, "save order", trace.WithAttributes(
		attribute.String("order.id", o.ID), attribute.Int64("order.total_cents", o.TotalCents)))
	defer span.End()
	a.store.put(o)
}

// get answers GET /orders/{id}.
func (a *api) get(ctx context.Context, id string) response {
	_, span := a.tracer.Start(ctx, "find order", trace.WithAttributes(attribute.String("order.id", id)))
	defer span.End()
	o, ok := a.store.get(id)
	if !ok {
		return failure(http.StatusNotFound, "no order "+id)
	}
	return answer(http.StatusOK, o)
}
