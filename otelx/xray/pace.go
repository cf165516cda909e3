package xray

import "time"

const (
	// datagramTime is the time between full datagrams. Of 80 written without a pause, a reader with a core of its own got 55 to
	// 71, and one on the sender's core 3. With this pause both got all.
	datagramTime = time.Millisecond
	// maxBehind is how far a reader may be behind. The buffer of a socket has 212,992 bytes by default (Linux,
	// net.core.rmem_default), which is three full datagrams with what the kernel adds.
	maxBehind = 2 * datagramTime
)

// pace limits datagrams to the speed of the reader. The zero value is for a reader without a backlog.
type pace struct {
	done time.Time // when the reader has read everything
}

// delay adds n bytes, at most a datagram, and returns how long after now to send them.
func (p *pace) delay(n int, now time.Time) time.Duration {
	if p.done.Before(now) {
		p.done = now
	}
	p.done = p.done.Add(datagramTime * time.Duration(n) / maxDatagram)
	return max(0, p.done.Sub(now)-maxBehind)
}
