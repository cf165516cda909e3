package otlpreceiver

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// tooLargeError means that a body has more than this number of bytes.
type tooLargeError int64

func (e tooLargeError) Error() string { return fmt.Sprintf("body larger than %d bytes", int64(e)) }

func isTooLarge(err error) bool {
	var tooLarge tooLargeError
	return errors.As(err, &tooLarge)
}

// readBounded reads r to its end, or fails with a tooLargeError after limit bytes.
func readBounded(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return data, fmt.Errorf("read body: %w", err)
	}
	if int64(len(data)) > limit {
		return data, tooLargeError(limit)
	}
	return data, nil
}

func decompress(wire []byte, encoding string, limit int64) ([]byte, error) {
	if encoding != "gzip" {
		return wire, nil
	}
	zip, err := gzip.NewReader(bytes.NewReader(wire))
	if err != nil {
		return nil, fmt.Errorf("decompress body: %w", err)
	}
	return readBounded(zip, limit)
}

// Decode reads an ExportTraceServiceRequest in protobuf, for spans that came by another transport. Their Arrived and
// Request are zero.
func Decode(data []byte) ([]Span, error) {
	b, err := decodeBatch(Traces, data, false)
	return b.spans, err
}

// decoder maps messages to spans, data points and log records. It keeps the first error.
type decoder struct {
	isJSON bool
	err    error
}

// unmarshal reads data into request.
func (d *decoder) unmarshal(data []byte, request proto.Message) {
	if d.isJSON {
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, request); err != nil {
			d.err = fmt.Errorf("decode JSON request: %w", err)
		}
	} else if err := proto.Unmarshal(data, request); err != nil {
		d.err = fmt.Errorf("decode request: %w", err)
	}
}

// id returns an id of size bytes in hex; "" stays "". OTLP's JSON has IDs in hex, whereas protobuf's JSON has bytes in base64;
// encoding them again gives the hex text back.
func (d *decoder) id(raw []byte, size int) string {
	if len(raw) == 0 {
		return ""
	}
	text := hex.EncodeToString(raw)
	if d.isJSON {
		text = base64.StdEncoding.EncodeToString(raw)
		decoded, err := hex.DecodeString(text)
		if err != nil && d.err == nil {
			d.err = fmt.Errorf("id %q: not hexadecimal", text)
		}
		raw, text = decoded, hex.EncodeToString(decoded)
	}
	if len(raw) != size && d.err == nil {
		d.err = fmt.Errorf("id %q: %d bytes, want %d", text, len(raw), size)
	}
	return text
}
