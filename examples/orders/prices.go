package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
)

// errUnknownSKU says that prices answered, and sells no such thing.
var errUnknownSKU = errors.New("unknown sku")

const maxPriceBody = 16 << 10 // bytes read of an answer

// unitPrice is the price of one piece.
type unitPrice struct {
	Cents    int64  `json:"cents"`
	Currency string `json:"currency"`
}

// pricer finds the price of one piece. An article that is not sold is errUnknownSKU; any other error may pass with time.
// sku is one that wish.check accepts.
type pricer interface {
	price(ctx context.Context, sku string) (unitPrice, error)
}

// newPricer returns the prices service at base, or the list built in when base is nil.
func newPricer(base *url.URL) pricer {
	if base == nil {
		return priceList{"tea": 450, "coffee": 690, "cup": 1250}
	}
	return &pricesService{base: base, client: &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)}}
}

// priceList holds cents by SKU.
type priceList map[string]int64

func (l priceList) price(_ context.Context, sku string) (unitPrice, error) {
	cents, ok := l[sku]
	if !ok {
		return unitPrice{}, errUnknownSKU
	}
	return unitPrice{Cents: cents, Currency: "EUR"}, nil
}

// pricesService asks the service at base. Its client writes the trace context into each request, and a span about it.
type pricesService struct {
	base   *url.URL
	client *http.Client
}

func (s *pricesService) price(ctx context.Context, sku string) (unitPrice, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base.JoinPath("prices", sku).String(), nil)
	if err != nil {
		return unitPrice{}, fmt.Errorf("ask prices: %w", err)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return unitPrice{}, fmt.Errorf("ask prices: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxPriceBody))
	if err != nil {
		return unitPrice{}, fmt.Errorf("read price: %w", err)
	}
	switch res.StatusCode {
	case http.StatusOK:
		return decodePrice(body)
	case http.StatusNotFound:
		return unitPrice{}, errUnknownSKU
	}
	return unitPrice{}, fmt.Errorf("ask prices: %s", res.Status)
}

// decodePrice rejects a price without a positive amount and a currency.
func decodePrice(body []byte) (unitPrice, error) {
	var p unitPrice
	if err := json.Unmarshal(body, &p); err != nil {
		return unitPrice{}, fmt.Errorf("read price: %w", err)
	}
	const most = 1 << 40 // cents; times maxQuantity it stays far from overflow
	if p.Cents <= 0 || p.Cents > most || p.Currency == "" {
		return unitPrice{}, fmt.Errorf("read price: %d cents in currency %q cannot be charged", p.Cents, p.Currency)
	}
	return p, nil
}
