package xraydaemon

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// Datagram describes a received datagram.
type Datagram struct {
	Number  int       // from 1, in order of arrival
	From    string    // the sender's address
	Arrived time.Time // the kernel's receive time (Linux), else the time of the read
	Data    []byte    // unchanged; shared, so do not modify it
	Sampled bool      // its spans are sampled, and so kept
	Spans   int       // the number of decoded spans
	Outcome string    // in words: "kept", "not sampled", "refused: …"
}

// arrival is a datagram as it was read.
type arrival struct {
	from string
	at   time.Time
	data []byte
}

// maxFailures is how many errors in a row are taken for errors of datagrams; one more is an error of the socket.
const maxFailures = 100

// receive reads from conn until conn is closed or fails permanently, and then closes read.
func receive(conn net.PacketConn, read chan<- arrival) {
	defer close(read)
	buffer, next, failures := make([]byte, largest), stamped(conn), 0
	for {
		n, from, at, err := next(buffer)
		if err != nil {
			if failures++; errors.Is(err, net.ErrClosed) || failures > maxFailures {
				return
			}
			continue
		}
		failures = 0
		a := arrival{at: at, data: bytes.Clone(buffer[:n])}
		if from != nil {
			a.from = from.String()
		}
		read <- a
	}
}

// unstamped reads from conn and takes the time of the read.
func unstamped(conn net.PacketConn) func(b []byte) (int, net.Addr, time.Time, error) {
	return func(b []byte) (int, net.Addr, time.Time, error) {
		n, from, err := conn.ReadFrom(b)
		return n, from, time.Now(), err
	}
}

// take decodes a datagram and keeps its spans.
func (d *Daemon) take(a arrival) {
	if d.isMark(a.data) {
		return
	}
	spans, sampled, err := decode(a.data)
	g := Datagram{From: a.from, Arrived: a.at, Data: a.data, Sampled: sampled, Spans: len(spans), Outcome: "kept"}
	kind := KindDatagram
	switch {
	case err != nil:
		kind, g.Outcome, spans = KindRefused, "refused: "+err.Error(), nil
	case !sampled:
		g.Outcome, spans = "not sampled", nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	g.Number = len(d.datagrams) + 1
	for i := range spans {
		spans[i].Arrived, spans[i].Request = a.at, g.Number
	}
	d.datagrams = append(d.datagrams, g)
	d.spans = append(d.spans, spans...)
	if d.cfg.Log != nil {
		d.cfg.Log.Add(eventlog.Event{
			Kind: kind, Who: a.from, At: a.at, Count: len(spans), Detail: fmt.Sprintf("datagram %d: %s", g.Number, g.Outcome),
		})
	}
	close(d.changed)
	d.changed = make(chan struct{})
}

var (
	firstLine = []byte(`{"format":"json","version":1}` + "\n")
	sampled   = []byte("T1S")
	unsampled = []byte("T1U")
)

// decode reads a datagram. With an error it returns the spans decoded so far.
func decode(data []byte) (spans []otlpreceiver.Span, isSampled bool, err error) {
	rest, ok := bytes.CutPrefix(data, firstLine)
	if !ok {
		return nil, false, errors.New("the daemon's first line is missing")
	}
	text, isSampled := bytes.CutPrefix(rest, sampled)
	if !isSampled {
		if text, ok = bytes.CutPrefix(rest, unsampled); !ok {
			return nil, false, errors.New("neither T1S nor T1U; a segment of an X-Ray SDK?")
		}
	}
	if bytes.ContainsAny(text, "\r\n") { // which the decoder would pass over
		return nil, isSampled, errors.New("a line break in the base64")
	}
	request, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil {
		return nil, isSampled, fmt.Errorf("decode base64: %w", err)
	}
	spans, err = otlpreceiver.Decode(request)
	return spans, isSampled, err
}
