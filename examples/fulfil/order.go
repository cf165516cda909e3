package main

import (
	"encoding/json"
	"errors"
	"fmt"
)

const maxQuantity = 100

// order is a message's body.
type order struct {
	ID       string `json:"id"`
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// readOrder decodes and validates a message's body. Fields it does not know may come from a newer sender: it skips them.
func readOrder(body string) (order, error) {
	var o order
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		return order{}, fmt.Errorf("read order: %w", err)
	}
	switch {
	case o.ID == "":
		return order{}, errors.New("read order: id is missing")
	case o.SKU == "":
		return order{}, fmt.Errorf("read order %s: sku is missing", o.ID)
	case o.Quantity < 1 || o.Quantity > maxQuantity:
		return order{}, fmt.Errorf("read order %s: quantity is %d; want 1 to %d", o.ID, o.Quantity, maxQuantity)
	}
	return o, nil
}
