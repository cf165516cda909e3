// Package strict decodes JSON for tests and reports: encoding/json accepts duplicate names and invalid UTF-8.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Unmarshal decodes the one JSON text of data into v, numbers in an any as [json.Number]. It fails if an object has a
// name twice, and if data is not valid UTF-8.
func Unmarshal(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errors.New("invalid UTF-8")
	}
	names := json.NewDecoder(bytes.NewReader(data))
	names.UseNumber()
	if err := checkValue(names); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the JSON value")
	}
	return nil
}

// checkValue reads one value and reports a name that occurs twice in one of its objects.
func checkValue(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, compound := token.(json.Delim)
	if !compound {
		return nil
	}
	names := map[json.Token]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if names[name] {
				return fmt.Errorf("duplicate name %q", name)
			}
			names[name] = true
		}
		if err := checkValue(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
