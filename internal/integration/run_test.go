package integration

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epilogue-go/epilogue/internal/invariant"
	"github.com/epilogue-go/epilogue/internal/memnet"
	"github.com/epilogue-go/epilogue/lambdatest"
	"github.com/epilogue-go/epilogue/lambdatest/eventlog"
	"github.com/epilogue-go/epilogue/lambdatest/otlpreceiver"
)

const (
	collectorAddress = "collector:4318" // in memory
	grace            = 250 * time.Millisecond
	childGrace       = 2 * time.Second // a busy machine may keep a child from running for longer than grace
	timeout          = 3 * time.Second // of the function
	gap              = 5 * time.Millisecond
	childWindow      = 2 * time.Second // the same for the end, of which the agent has
	childBudget      = 1800 * time.Millisecond
	patience         = time.Minute // of the test with a child
)

// well is a collector as it should be.
var well = otlpreceiver.Fault{Delay: collectorTime}

// run is a scenario being driven in one of the two forms.
type run struct {
	*testing.T
	scenario scenario
	exact    bool // in memory
	ctx      context.Context
	log      *eventlog.Log
	env      *lambdatest.Environment
	receiver *otlpreceiver.Receiver
	door     *door // of the receiver

	mu    sync.Mutex // calls may be made at the same time
	calls []*made    // by number from 1 in their request ids
	exits []int      // expected codes of processes, in order
}

// made is a call that was made.
type made struct {
	call

	id    string
	began time.Time
	wait  time.Duration // of its caller
}

// inMemory drives sc in virtual time.
func inMemory(t *testing.T, sc scenario) {
	synctest.Test(t, func(t *testing.T) {
		r := &run{T: t, scenario: sc, exact: true, ctx: t.Context(), log: new(eventlog.Log)}
		network := new(memnet.Network)
		r.receiver = otlpreceiver.New(otlpreceiver.Config{Log: r.log})
		listener, err := network.Listen(collectorAddress)
		if err != nil {
			t.Fatal(err)
		}
		r.open(listener)
		config := sc.config
		config.Network = network
		r.drive(config, lambdatest.Func(func(p *lambdatest.Process) { mains[sc.mainName()](emulated(p)) }))
		time.Sleep(time.Minute) // what a killed process was waiting for comes to its end
	})
}

// asChild drives sc with the test binary as the function.
func asChild(t *testing.T, sc scenario) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := &run{T: t, scenario: sc, ctx: ctx, log: new(eventlog.Log)}
	r.receiver = otlpreceiver.New(otlpreceiver.Config{Log: r.log})
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.open(listener)
	config := sc.config
	config.ShutdownWindow = childWindow
	config.Env = []string{
		childMain + "=" + sc.mainName(),
		"EPILOGUE_HANDLER_START_WAIT=" + childGrace.String(),
		"EPILOGUE_SHUTDOWN_BUDGET=" + childBudget.String(),
		"GORACE=atexit_sleep_ms=0", // or the race detector alone would take a second of the shutdown window
	}
	r.drive(config, lambdatest.Command(binary))
}

// open lets the receiver serve on l.
func (r *run) open(l net.Listener) {
	r.Helper()
	r.door = &door{Listener: l}
	if err := r.receiver.Serve(r.door); err != nil {
		r.Fatal(err)
	}
}

// drive runs the scenario and judges its log.
func (r *run) drive(config lambdatest.Config, program lambdatest.Program) {
	config.Log, config.Stderr = r.log, &invariant.Transcript{Log: r.log}
	config.Env = append(config.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.receiver.Endpoint())
	config.Env = append(config.Env, r.scenario.env...)
	if config.Timeout == 0 {
		config.Timeout = timeout
	}
	env, err := lambdatest.New(config, program)
	if err != nil {
		r.Fatal(err)
	}
	r.env = env
	defer func() {
		if err := errors.Join(env.Close(), r.receiver.Close()); err != nil {
			r.Errorf("close: %v", err)
		}
		r.judge()
		if r.Failed() {
			r.Logf("events:\n%s", r.log)
		}
	}()
	r.collector(well)
	r.scenario.drive(r)
}
