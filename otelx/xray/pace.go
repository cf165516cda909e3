package xray

import "time"

const (
	// datagramTime is what a reader may take for a full datagram. Of eighty written without a pause, a reader that waited
	// for nothing else got from 55 to 71 where it had a core of its own, and 3 where it shared one with the sender; of
	// eighty with this time between them, all, on either.
	datagramTime = time.Millisecond
	// maxBehind is how far a reader may be behind. The buffer of a socket has 212,992 bytes by default (Linux,
	// net.core.rmem_default), which is three full datagrams with what the kernel adds.
	maxBehind = 2 * datagramTime
)

// pace keeps datagrams from coming faster than they are read. The zero value is for a reader that has nothing to read.
type pace struct {
	done time.Time // when everything will be read
}

// delay enters another n bytes, and returns how long after now they are to be sent. They are at most a datagram.
func (p *pace) delay(n int, now time.Time) time.Duration {
	if p.done.Before(now) {
		p.done = now
	}
	p.done = p.done.Add(datagramTime * time.Duration(n) / maxDatagram)
	return max(0, p.done.Sub(now)-maxBehind)
}
