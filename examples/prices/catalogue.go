package main

// slowSKU is the one article whose price takes PRICES_SLOW to find.
const slowSKU = "glacier-ice"

// catalogue holds the price of one piece by SKU, in cents. Nothing writes to it.
var catalogue = map[string]int64{
	"tea":    450,
	"coffee": 690,
	"cup":    1250,
	"kettle": 4900,
	slowSKU:  99900,
}

// price is the body of a 200 answer.
type price struct {
	SKU      string `json:"sku"`
	Cents    int64  `json:"cents"` // for one piece
	Currency string `json:"currency"`
}
