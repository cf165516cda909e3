package lines

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

const (
	// maxDocument bounds a document in its quoted form, and so the memory of a Read.
	maxDocument = 8 << 20
	// longLine is the length from which a line is read in pieces. Some exports have all events in one line.
	longLine = 1 << 20
)

// Input counts what Read has seen.
type Input struct {
	Lines     int // in all; each piece of a long line counts as one
	Without   int // lines without a document
	Documents int // handed over
	Broken    int // documents that were cut off or are not OTLP
}

// Add adds the counts of another input.
func (i *Input) Add(o Input) {
	i.Lines += o.Lines
	i.Without += o.Without
	i.Documents += o.Documents
	i.Broken += o.Broken
}

// Read calls found with each document in r until r ends or found returns an error, which Read then returns. It decompresses
// gzip. A document may be anywhere in a line, one of several in a line, or a string inside another JSON document or a field of CSV,
// up to three deep. It begins with its member resourceSpans, resourceMetrics or resourceLogs, and has at most 8 MiB. Read needs a few times that much memory,
// however long r and its lines are.
func Read(r io.Reader, found func(Document) error) (Input, error) {
	var in Input
	r, err := decompressed(r)
	if err != nil {
		return in, err
	}
	scanner := bufio.NewScanner(filler{r})
	scanner.Buffer(make([]byte, 64<<10), 2*maxDocument)
	scanner.Split(pieces)
	var refused error
	for refused == nil && scanner.Scan() {
		in.Lines++
		documents := 0
		broken := find(scanner.Bytes(), func(document []byte) bool {
			data, err := decode(document)
			if err != nil || refused != nil {
				return refused != nil
			}
			documents++
			refused = found(data)
			return true
		})
		in.Documents += documents
		in.Broken += broken
		if documents+broken == 0 {
			in.Without++
		}
	}
	if refused != nil {
		return in, refused
	}
	if err := scanner.Err(); err != nil {
		return in, fmt.Errorf("after line %d: %w", in.Lines, err)
	}
	return in, nil
}

// decompressed returns the content of r without gzip.
func decompressed(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	if head, _ := buffered.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) { // RFC 1952, 2.3.1
		return buffered, nil // an error comes again
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return z, nil
}

// filler fills the buffer of a Read. The Scanner calls pieces after each Read, with all that it has: after each of a
// decompressor's small blocks that would take a time that is quadratic in the length of a line.
type filler struct{ io.Reader }

func (f filler) Read(b []byte) (int, error) {
	n, err := io.ReadFull(f.Reader, b)
	if errors.Is(err, io.ErrUnexpectedEOF) && n > 0 {
		err = nil // the next Read says so, or why the input ends
	}
	return n, err
}

// pieces is a bufio.SplitFunc for lines. It cuts a long line between documents and drops the text between them.
func pieces(data []byte, atEOF bool) (advance int, piece []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	switch {
	case atEOF && len(data) == 0:
		return 0, nil, nil
	case atEOF:
		return len(data), data, nil
	case len(data) < longLine:
		return 0, nil, nil
	}
	cut := 0
	for {
		p, ok := locate(data, cut)
		switch {
		case !ok:
			cut = max(cut, len(data)-beforeMarker-longestMarker) // the next may have begun
		case p.end >= 0 && (p.quoting != doubled || p.end < len(data)-1): // otherwise a second quote may follow
			cut = p.end
			continue
		case cut == 0 && p.begin < beforeMarker && len(data) < maxDocument:
			return 0, nil, nil
		case cut == 0 && p.begin < beforeMarker: // too long for any document
			cut = len(data)
		default:
			cut = max(cut, p.begin)
		}
		return cut, data[:cut], nil
	}
}
