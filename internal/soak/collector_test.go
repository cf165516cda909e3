package soak

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

// condition is a state of the collector, which lasts for some invocations.
type condition struct {
	name  string
	fault otlpreceiver.Fault
	next  []otlpreceiver.Fault // of its first requests, in place of fault
	left  int                  // invocations that it lasts for
	since time.Time
	turns int // invocations that it has lasted for
}

// wellTime is the most, in milliseconds, that a collector that is well takes to answer.
const wellTime = 40

// well reports whether the collector takes what it is sent, soon.
func (c *condition) well() bool { return c.name == "well" && len(c.next) == 0 }

// takesTime reports whether no request is over at once.
func (c *condition) takesTime() bool {
	return (c.fault.Delay > 0 || c.fault.Hang) && c.fault.Cut != otlpreceiver.BeforeRead && len(c.next) == 0
}

func (c *condition) String() string {
	return fmt.Sprintf("%s (%+v, then %+v), for %d more", c.name, c.next, c.fault, c.left)
}

// ms is a random duration from least to most milliseconds, and an odd number of microseconds, so that it does not
// end at the same moment as one of the functions' round ones.
func ms(r *rand.Rand, least, most int) time.Duration {
	return time.Duration(least+r.IntN(most-least+1))*time.Millisecond + time.Duration(1+2*r.IntN(200))*time.Microsecond
}

// conditions draw a state of the collector; one that is well is as likely as all others together.
var conditions = []struct {
	name  string
	last  float64 // invocations, on average
	fault func(r *rand.Rand) otlpreceiver.Fault
}{
	{"slow", 6, func(r *rand.Rand) otlpreceiver.Fault { return otlpreceiver.Fault{Delay: ms(r, 100, 1500)} }},
	{"503", 6, func(*rand.Rand) otlpreceiver.Fault { return otlpreceiver.Fault{Status: http.StatusServiceUnavailable} }},
	{"429", 4, func(r *rand.Rand) otlpreceiver.Fault {
		return otlpreceiver.Fault{Status: http.StatusTooManyRequests, RetryAfter: strconv.Itoa(r.IntN(60))}
	}},
	{"reset before the body", 4, func(*rand.Rand) otlpreceiver.Fault {
		return otlpreceiver.Fault{Cut: otlpreceiver.BeforeRead}
	}},
	{"reset after the body", 4, func(r *rand.Rand) otlpreceiver.Fault {
		return otlpreceiver.Fault{Delay: ms(r, 0, 50), Cut: otlpreceiver.BeforeStore}
	}},
	{"reset after the spans", 2, func(r *rand.Rand) otlpreceiver.Fault {
		return otlpreceiver.Fault{Delay: ms(r, 0, 50), Cut: otlpreceiver.AfterStore}
	}},
	{"hangs", 6, func(*rand.Rand) otlpreceiver.Fault { return otlpreceiver.Fault{Hang: true} }},
	{"partial success", 2, func(r *rand.Rand) otlpreceiver.Fault {
		return otlpreceiver.Fault{Delay: ms(r, 0, 50), Rejected: 1 + r.Int64N(3), Message: "too old"}
	}},
	{"400", 2, func(r *rand.Rand) otlpreceiver.Fault {
		return otlpreceiver.Fault{Delay: ms(r, 0, 50), Status: http.StatusBadRequest, Message: "no such tenant"}
	}},
	{"nonsense", 2, func(r *rand.Rand) otlpreceiver.Fault {
		return otlpreceiver.Fault{Delay: ms(r, 0, 50), Malformed: true}
	}},
}

// drawCondition makes a state of the collector. One in twelve that is well begins with requests that are not.
func drawCondition(r *rand.Rand) *condition {
	if r.IntN(2) == 0 {
		c := &condition{name: "well", fault: otlpreceiver.Fault{Delay: ms(r, 1, wellTime-1)}, left: lasting(r, 40)}
		for r.IntN(12) == 0 {
			c.next = append(c.next, conditions[r.IntN(len(conditions))].fault(r))
		}
		return c
	}
	kind := conditions[r.IntN(len(conditions))]
	c := &condition{name: kind.name, fault: kind.fault(r), left: lasting(r, kind.last)}
	if r.IntN(20) == 0 {
		c.left *= 10
	}
	return c
}

// lasting draws a number of invocations, 1 or more, that is mean on average.
func lasting(r *rand.Rand, mean float64) int { return 1 + int(math.Round(r.ExpFloat64()*mean)) }
