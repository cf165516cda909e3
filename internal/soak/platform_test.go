package soak

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

const (
	timeout  = 3 * time.Second        // of the function
	grace    = 250 * time.Millisecond // the agent's defaults, from here on
	gap      = 5 * time.Millisecond
	straggle = 10 * time.Millisecond

	// What the platform in memory takes, since a large body costs time, and a body so large that it is not read to
	// its end where it is refused: net/http drains 256 KiB. So short of 6 MB, only that tells the handler that it
	// may be refused.
	maxResponse   = 64 << 10
	largeResponse = 1 << 20
)

// neighbour is the name of an external extension.
const neighbour = "neighbour"

// platform is an environment with its settings, which lasts for some invocations and several processes.
type platform struct {
	config       lambdatest.Config
	calm         bool          // its processes live long
	steady       bool          // they are held by their extension from the beginning to the end
	handler      bool          // they serve a lambda.Handler
	large        int           // bytes of a response that is refused
	neighbour    bool          // there is an external extension
	strategy     string        // of flushes; empty: the default
	dense        bool          // invocations come close together, most of the time
	copies       bool          // of open spans are exported shortly before the deadline
	hold         time.Duration // how long it takes after INVOKE
	queue        int
	flushTimeout time.Duration
	left         int
}

func (p *platform) String() string {
	return fmt.Sprintf("order %d, faults %+v, extensions %+v, env %q, calm %t",
		p.config.Order, p.config.Faults, p.config.ExternalExtensions, p.config.Env, p.calm)
}

// drawPlatform makes one. extensions is a folder with the file of an external extension.
func drawPlatform(r *rand.Rand, extensions string) *platform {
	p := &platform{
		steady: true, large: largeResponse, calm: r.IntN(3) == 0, left: lasting(r, 100),
		queue:        []int{64, 512, 2048}[r.IntN(3)],
		flushTimeout: []time.Duration{2 * time.Second, 500 * time.Millisecond}[r.IntN(2)],
	}
	p.config = lambdatest.Config{
		Timeout: timeout, MaxResponse: maxResponse, Order: lambdatest.Order(r.IntN(5)), OrderGap: gap, Seed: r.Uint64(),
		Env: []string{
			"OTEL_BSP_MAX_QUEUE_SIZE=" + strconv.Itoa(p.queue),
			"OTEL_BSP_MAX_EXPORT_BATCH_SIZE=" + strconv.Itoa(max(p.queue/8, 32)),
			"EPILOGUE_FLUSH_TIMEOUT=" + p.flushTimeout.String(),
		},
	}
	if r.IntN(4) == 0 {
		p.copies = true
		p.config.Env = append(p.config.Env, "EPILOGUE_END_BEFORE_TIMEOUT=true")
	}
	p.drawStrategy(r)
	p.drawTrouble(r)
	if r.IntN(8) == 0 {
		p.neighbour, p.hold = true, ms(r, 0, 45) // below the margin: beyond it a late invocation times out, whatever the agent does
		p.config.ExternalExtensions = []lambdatest.ExternalExtension{{Name: neighbour, Hold: p.hold}}
		p.config.Env = append(p.config.Env, extensionsDir+"="+extensions)
	}
	if r.IntN(8) == 0 {
		p.handler = true
		p.config.MaxResponse, p.large = 0, 6<<20+101 // nothing else tells a lambda.Handler that a response may be refused
		p.config.Env = append(p.config.Env, asHandler+"=true")
	}
	return p
}

// densePeriod is that of a strategy, in dense traffic: pauses are a fifth of it at most.
const densePeriod = 5 * time.Second

// drawStrategy makes every other agent put flushes off, most of them in traffic that has them do so.
func (p *platform) drawStrategy(r *rand.Rand) {
	kind := []string{"", "", "periodic", "adaptive"}[r.IntN(4)]
	p.dense = r.IntN(4) > 0 && kind != ""
	if kind != "" {
		p.strategy = kind + "," + []time.Duration{densePeriod, time.Minute}[r.IntN(2)].String()
		p.config.Env = append(p.config.Env, "EPILOGUE_FLUSH_STRATEGY="+p.strategy)
	}
}

// drawTrouble makes something go wrong with the extension, or has it take no events.
func (p *platform) drawTrouble(r *rand.Rand) {
	faults := &p.config.Faults
	switch r.IntN(16) {
	case 0:
		faults.Register = lambdatest.Fault{Status: http.StatusForbidden, ErrorType: "Extension.TooManyExtensions"}
		p.copies = true
	case 1:
		faults.Register = lambdatest.Fault{Status: http.StatusForbidden, ErrorType: "Extension.InvalidEventType", Times: 1}
	case 2:
		faults.Next = lambdatest.Fault{Status: http.StatusInternalServerError, Skip: r.IntN(5), Times: 1 + r.IntN(20)}
	case 3:
		faults.Next = lambdatest.Fault{Cut: true, Skip: r.IntN(20), Times: 1 + r.IntN(3)}
	case 4:
		p.config.Env = append(p.config.Env, "EPILOGUE_SHUTDOWN_ONLY=true")
	default:
		return
	}
	p.steady = false
}

// neighbourhood is a folder with the file of an external extension.
func neighbourhood(dir string) error {
	return os.WriteFile(filepath.Join(dir, neighbour), nil, 0o600)
}
