package soak

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// faultMode is how the backend behaves for some invocations.
type faultMode struct {
	name   string
	fault  harness.Fault
	next   []harness.Fault // of its first requests, instead of fault
	left   int             // invocations that it lasts for
	lasted int             // invocations
	since  time.Time
}

// up is the name of the mode without a fault, in which the backend answers within upTime, in milliseconds.
const (
	up     = "up"
	upTime = 40
)

// up reports whether the backend accepts everything, soon.
func (m *faultMode) up() bool { return m.name == up && len(m.next) == 0 }

// recovered reports whether the backend has been up for long enough that everything has to have been delivered.
func (m *faultMode) recovered() bool {
	return m.up() && m.lasted > 3 && time.Since(m.since) > 2*time.Minute
}

func (m *faultMode) String() string {
	return fmt.Sprintf("%s (%+v, then %+v), for %d more", m.name, m.next, m.fault, m.left)
}

// ms draws a duration from least to most milliseconds, and an odd number of microseconds, so that it does not end at the
// same moment as a round duration of the function.
func ms(r *rand.Rand, least, most int) time.Duration {
	return time.Duration(least+r.IntN(most-least+1))*time.Millisecond + time.Duration(1+2*r.IntN(200))*time.Microsecond
}

// faultModes draw a mode. The mode up is as likely as all others together.
var faultModes = []struct {
	name string
	mean float64 // invocations
	draw func(r *rand.Rand) harness.Fault
}{
	{"slow", 6, func(r *rand.Rand) harness.Fault { return harness.Fault{Delay: ms(r, 100, 1500)} }},
	{"503", 6, func(*rand.Rand) harness.Fault { return harness.Fault{Status: http.StatusServiceUnavailable} }},
	{"429", 4, func(r *rand.Rand) harness.Fault {
		return harness.Fault{Status: http.StatusTooManyRequests, RetryAfter: strconv.Itoa(r.IntN(60))}
	}},
	{"reset before the body", 4, func(*rand.Rand) harness.Fault { return harness.Fault{Cut: otlpreceiver.BeforeRead} }},
	{"reset after the body", 4, func(r *rand.Rand) harness.Fault {
		return harness.Fault{Delay: ms(r, 0, 50), Cut: otlpreceiver.BeforeStore}
	}},
	{"reset after the spans", 2, func(r *rand.Rand) harness.Fault {
		return harness.Fault{Delay: ms(r, 0, 50), Cut: otlpreceiver.AfterStore}
	}},
	{"hangs", 6, func(*rand.Rand) harness.Fault { return harness.Fault{Hang: true} }},
	{"partial success", 2, func(r *rand.Rand) harness.Fault {
		return harness.Fault{Delay: ms(r, 0, 50), Rejected: 1 + r.Int64N(3), Message: "too old"}
	}},
	{"400", 2, func(r *rand.Rand) harness.Fault {
		return harness.Fault{Delay: ms(r, 0, 50), Status: http.StatusBadRequest, Message: "no such tenant"}
	}},
	{"malformed answer", 2, func(r *rand.Rand) harness.Fault {
		return harness.Fault{Delay: ms(r, 0, 50), Malformed: true}
	}},
}

// drawFaultMode draws one. One in twelve of the modes that are up begins with requests that fail.
func drawFaultMode(r *rand.Rand) *faultMode {
	if r.IntN(2) == 0 {
		m := &faultMode{name: up, fault: harness.Fault{Delay: ms(r, 1, upTime-1)}, left: lasting(r, 40)}
		for r.IntN(12) == 0 {
			m.next = append(m.next, faultModes[r.IntN(len(faultModes))].draw(r))
		}
		return m
	}
	kind := faultModes[r.IntN(len(faultModes))]
	m := &faultMode{name: kind.name, fault: kind.draw(r), left: lasting(r, kind.mean)}
	if r.IntN(20) == 0 {
		m.left *= 10
	}
	return m
}

// lasting draws a number of invocations, 1 or more, with this mean.
func lasting(r *rand.Rand, mean float64) int { return 1 + int(math.Round(r.ExpFloat64()*mean)) }
