package demo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/epilogue-go/epilogue/cmd/epilogue/internal/local"
	"github.com/epilogue-go/epilogue/internal/report"
)

const (
	pricesStart = 10 * time.Second // until it has reported its address
	pricesStop  = 9 * time.Second  // after SIGTERM; it promises eight seconds
)

// listens finds the address in the line that the prices service logs when it is ready.
var listens = regexp.MustCompile(`prices listens.*\baddr"?[=:]"?([^\s"]+)`)

// prices is the running prices service. One goroutine uses it.
type prices struct {
	cmd    *exec.Cmd
	addr   string
	output *local.ProcessLog
	said   chan report.Counts // the counts that it reports of its spans; capacity 1
	ended  chan error         // its end; capacity 1
}

// startPrices starts the service on a free port and waits until it listens.
func startPrices(ctx context.Context, path string, env []string, output *local.ProcessLog) (*prices, error) {
	p := &prices{output: output, said: make(chan report.Counts, 1), ended: make(chan error, 1)}
	ready := make(chan string, 1)
	output.Read = func(line string) {
		if m := listens.FindStringSubmatch(line); m != nil {
			offer(ready, m[1])
		}
		if c, ok := parsePrices(line); ok {
			offer(p.said, c)
		}
	}
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), path)
	inOwnGroup(p.cmd)
	p.cmd.Env = append([]string{"PRICES_ADDR=127.0.0.1:0"}, env...)
	p.cmd.Stdout, p.cmd.Stderr = output, output
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the prices service: %w", err)
	}
	go func() { p.ended <- p.cmd.Wait() }()

	limit := time.NewTimer(pricesStart)
	defer limit.Stop()
	select {
	case p.addr = <-ready:
		return p, nil
	case err := <-p.ended:
		p.ended <- err
		return p, fmt.Errorf("the prices service ended at once: %w", errors.Join(err))
	case <-limit.C:
		return p, fmt.Errorf("the prices service did not say within %s that it listens", pricesStart)
	case <-ctx.Done():
		return p, context.Cause(ctx)
	}
}

// offer puts v into c if there is room.
func offer[T any](c chan T, v T) {
	select {
	case c <- v:
	default:
	}
}

// stop sends SIGTERM and waits for the service. It returns the service's counts, if it reported them.
func (p *prices) stop(ctx context.Context) (counts report.Counts, counted bool, err error) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	limit := time.NewTimer(pricesStop)
	defer limit.Stop()
	select {
	case err = <-p.ended:
		p.ended <- err
	case <-limit.C:
		err = fmt.Errorf("still running %s after SIGTERM", pricesStop)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return counts, false, fmt.Errorf("stop the prices service: %w", err)
	}
	select {
	case counts = <-p.said:
		return counts, true, nil
	default:
		return counts, false, nil
	}
}

// kill ends the service immediately, if it still runs, and waits for it.
func (p *prices) kill() {
	_ = p.cmd.Process.Kill() // an error means that the process has ended
	p.ended <- <-p.ended
}

// pricesEnded is in the last line of examples/prices, which has no agent: it logs its counts.
const pricesEnded = "prices has ended"

// parsePrices reads the counts of spans in the last line of examples/prices: traces.ended=21 traces.exported=19 and so on.
func parsePrices(line string) (report.Counts, bool) {
	_, attrs, ok := strings.Cut(line, pricesEnded)
	if !ok {
		return report.Counts{}, false
	}
	var c report.Counts
	known := map[string]*int{
		"traces.ended": &c.Ended, "traces.exported": &c.Exported, "traces.pending": &c.Pending, "traces.dropped": &c.Dropped,
	}
	found := false
	for _, attr := range strings.Fields(attrs) {
		key, text, _ := strings.Cut(attr, "=")
		field := known[key]
		if field == nil {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return report.Counts{}, false
		}
		*field, found = n, found || field == &c.Ended
	}
	return c, found
}
