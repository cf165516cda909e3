package soak

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/epilogue-go/epilogue/internal/harness"
	"github.com/epilogue-go/epilogue/lambdatest"
)

const (
	// The size of responses in memory, since a large body costs time. A refused body is not read to its end only if it is
	// larger than the 256 KiB that net/http drains; only that tells the handler about the refusal of less than 6 MB.
	maxResponse   = 64 << 10
	largeResponse = 1 << 20

	externalExtension = "external"
)

// platform is an environment with its settings, which lasts for some invocations and several processes.
type platform struct {
	config       lambdatest.Config
	longLived    bool          // its processes live long
	held         bool          // they are held by their extension from the beginning to the end
	handler      bool          // they serve a lambda.Handler
	large        int           // bytes of a response that is refused
	external     bool          // there is an external extension
	strategy     string        // of flushes; empty: the default
	dense        bool          // invocations come close together, most of the time
	hold         time.Duration // how long the external extension holds a phase
	queue        int           // of spans, and of log records
	delta        bool          // metrics are deltas
	flushTimeout time.Duration
	left         int // invocations
}

func (p *platform) String() string {
	return fmt.Sprintf("order %d, faults %+v, extensions %+v, env %q, long-lived %t",
		p.config.Order, p.config.Faults, p.config.ExternalExtensions, p.config.Env, p.longLived)
}

// drawPlatform draws one. extensions is a folder with the file of an external extension.
func drawPlatform(r *rand.Rand, extensions string) *platform {
	p := &platform{
		held: true, large: largeResponse, longLived: r.IntN(3) == 0, left: lasting(r, 100),
		queue:        []int{64, 512, 2048}[r.IntN(3)],
		flushTimeout: []time.Duration{2 * time.Second, 500 * time.Millisecond}[r.IntN(2)],
	}
	p.config = lambdatest.Config{
		Timeout: harness.Timeout, MaxResponse: maxResponse, Order: lambdatest.Order(r.IntN(5)), OrderGap: harness.Gap, Seed: r.Uint64(),
		Env: []string{
			harness.WithoutInitSpan + "=true", // the spans of the calls are all that there are
			"OTEL_BSP_MAX_QUEUE_SIZE=" + strconv.Itoa(p.queue),
			"OTEL_BLRP_MAX_QUEUE_SIZE=" + strconv.Itoa(p.queue),
			"OTEL_BLRP_MAX_EXPORT_BATCH_SIZE=" + strconv.Itoa(max(p.queue/8, 32)),
			"OTEL_BSP_MAX_EXPORT_BATCH_SIZE=" + strconv.Itoa(max(p.queue/8, 32)),
			"EPILOGUE_FLUSH_TIMEOUT=" + p.flushTimeout.String(),
		},
	}
	if r.IntN(4) == 0 {
		p.set("EPILOGUE_END_BEFORE_TIMEOUT=true")
	}
	if p.delta = r.IntN(3) == 0; p.delta {
		p.set("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta")
	}
	if r.IntN(4) == 0 {
		p.set("EPILOGUE_METRIC_COLLECTION=invocation")
	}
	p.drawStrategy(r)
	p.drawFault(r)
	if r.IntN(8) == 0 {
		p.external, p.hold = true, ms(r, 0, 45) // below the margin: beyond it a late invocation times out in any case
		p.config.ExternalExtensions = []lambdatest.ExternalExtension{{Name: externalExtension, Hold: p.hold}}
		p.set(harness.ExtensionsDir + "=" + extensions)
	}
	if r.IntN(8) == 0 {
		p.handler = true
		p.config.MaxResponse, p.large = 0, harness.TooLarge // nothing else tells a lambda.Handler about a refusal
	}
	return p
}

func (p *platform) set(variable string) { p.config.Env = append(p.config.Env, variable) }

// densePeriod is that of a strategy in dense traffic: pauses are a fifth of it at most.
const densePeriod = 5 * time.Second

// drawStrategy makes every other agent defer flushes, mostly in traffic in which it does.
func (p *platform) drawStrategy(r *rand.Rand) {
	kind := []string{"", "", "periodic", "adaptive"}[r.IntN(4)]
	p.dense = r.IntN(4) > 0 && kind != ""
	if kind != "" {
		p.strategy = kind + "," + []time.Duration{densePeriod, time.Minute}[r.IntN(2)].String()
		p.set("EPILOGUE_FLUSH_STRATEGY=" + p.strategy)
	}
}

// drawFault makes something go wrong with the extension, or has it take no events.
func (p *platform) drawFault(r *rand.Rand) {
	faults := &p.config.Faults
	switch r.IntN(16) {
	case 0:
		faults.Register = lambdatest.Fault{Status: http.StatusForbidden, ErrorType: "Extension.TooManyExtensions"}
	case 1:
		faults.Register = lambdatest.Fault{Status: http.StatusForbidden, ErrorType: "Extension.InvalidEventType", Times: 1}
	case 2:
		faults.Next = lambdatest.Fault{Status: http.StatusInternalServerError, Skip: r.IntN(5), Times: 1 + r.IntN(20)}
	case 3:
		faults.Next = lambdatest.Fault{Cut: true, Skip: r.IntN(20), Times: 1 + r.IntN(3)}
	case 4:
		p.set("EPILOGUE_SHUTDOWN_ONLY=true")
	default:
		return
	}
	p.held = false
}

// nextBroken reports whether the extension's calls of next fail at times.
func (p *platform) nextBroken() bool { return p.config.Faults.Next != (lambdatest.Fault{}) }

// writeExtension puts the file of an external extension into dir.
func writeExtension(dir string) error {
	return os.WriteFile(filepath.Join(dir, externalExtension), nil, 0o600)
}
