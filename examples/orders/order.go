package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
)

const (
	maxBody     = 64 << 10 // bytes, decoded
	maxQuantity = 100
	maxSKU      = 64 // bytes
)

// wish is the body of POST /orders.
type wish struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// order is a wish with its price. Money is in cents: integers add up.
type order struct {
	ID         string `json:"id"`
	SKU        string `json:"sku"`
	Quantity   int64  `json:"quantity"`
	UnitCents  int64  `json:"unitCents"`
	TotalCents int64  `json:"totalCents"`
	Currency   string `json:"currency"`
}

// readWish decodes and validates the body of req. Its error says what the caller has to change.
func readWish(req request) (wish, *rejection) {
	if r := checkContentType(req.Headers); r != nil {
		return wish{}, r
	}
	body, r := readBody(req)
	if r != nil {
		return wish{}, r
	}
	w, r := decodeWish(body)
	if r != nil {
		return wish{}, r
	}
	return w, w.check()
}

// checkContentType accepts application/json with any parameters, and no content type at all.
func checkContentType(headers map[string]string) *rejection {
	for name, value := range headers {
		if !strings.EqualFold(name, "content-type") {
			continue
		}
		if mediaType, _, err := mime.ParseMediaType(value); err != nil || mediaType != "application/json" {
			return reject(http.StatusUnsupportedMediaType, "content-type is %q; send application/json", value)
		}
	}
	return nil
}

// readBody returns the body's bytes. API Gateway encodes a body in base64 when its content type is not text.
func readBody(req request) ([]byte, *rejection) {
	size := len(req.Body)
	if req.IsBase64Encoded {
		size = base64.StdEncoding.DecodedLen(size) - 2 // two bytes of padding at most
	}
	if size > maxBody {
		return nil, reject(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", maxBody)
	}
	if !req.IsBase64Encoded {
		return []byte(req.Body), nil
	}
	body, err := base64.StdEncoding.DecodeString(req.Body)
	if err != nil {
		return nil, reject(http.StatusBadRequest, "the body is not the base64 that isBase64Encoded promises: %v", err)
	}
	return body, nil
}

// inWords says for the kinds of wish's fields what a caller writes, who need not know Go.
var inWords = map[reflect.Kind]string{reflect.String: "a string", reflect.Int64: "a whole number"}

// decodeWish accepts one JSON object with the fields of wish and no other.
func decodeWish(body []byte) (wish, *rejection) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	var w *wish
	err := dec.Decode(&w)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return wish{}, reject(http.StatusBadRequest, `the body is empty; send {"sku":"tea","quantity":2}`)
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return wish{}, reject(http.StatusUnprocessableEntity, "%s is a %s; want %s", wrongType.Field, wrongType.Value, inWords[wrongType.Type.Kind()])
	case err != nil:
		return wish{}, reject(http.StatusBadRequest, "the body is not an order: %v", err)
	case w == nil:
		return wish{}, reject(http.StatusBadRequest, "the body is null")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return wish{}, reject(http.StatusBadRequest, "the body goes on after the order")
	}
	return *w, nil
}

func (w wish) check() *rejection {
	switch {
	case w.SKU == "":
		return reject(http.StatusUnprocessableEntity, "sku is missing")
	case len(w.SKU) > maxSKU || strings.IndexFunc(w.SKU, notInSKU) >= 0:
		return reject(http.StatusUnprocessableEntity, "sku is %.64q; want at most %d small letters, digits and hyphens", w.SKU, maxSKU)
	case w.Quantity < 1 || w.Quantity > maxQuantity:
		return reject(http.StatusUnprocessableEntity, "quantity is %d; order 1 to %d", w.Quantity, maxQuantity)
	}
	return nil
}

func notInSKU(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
}
