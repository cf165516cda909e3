package matrix

import (
	"flag"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/epilogue-go/epilogue/lambdatest"
)

var update = flag.Bool("update", false, "write the tables of docs/reliability.md")

// results are what the test has found, by place.
type results struct {
	mu         sync.Mutex
	counts     map[string]counts
	held, exit time.Duration // the longest of all cells
	repeated   int           // runs
}

// TestMatrix runs every cell and compares its counts with the documentation.
func TestMatrix(t *testing.T) {
	documented, err := readTables()
	if err != nil && !*update {
		t.Fatal(err)
	}
	go recordDelays(t.Context())
	found := &results{counts: make(map[string]counts)}
	t.Cleanup(func() { found.conclude(t) })
	for _, p := range places() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			found.add(p.runUntilValid(t, documented[p.String()]))
		})
	}
}

// runUntilValid runs p, and again if it fails on a machine that was too busy.
func (p place) runUntilValid(t *testing.T, documented string) (c *cell, repeated int) {
	t.Helper()
	for {
		began := time.Now()
		c = p.run(t)
		err := c.check(documented)
		delayed := c.delayed(began, time.Now())
		switch {
		case err == nil:
			t.Logf("%s", c.counts())
			return c, repeated
		case delayed < tooBusy || repeated == mostRuns-1:
			t.Errorf("%v\ndelayed by %s, run %d times; events:\n%s", err, delayed, repeated+1, c.Log)
			return c, repeated
		}
		repeated++
		t.Logf("runs again, delayed by %s: %v", delayed, err)
	}
}

func (f *results) add(c *cell, repeated int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[c.String()] = c.counts()
	f.repeated += repeated
	for _, x := range c.exits() {
		f.exit = max(f.exit, x.took)
	}
	for _, r := range lambdatest.Invocations(c.Log.Events()) {
		if !r.Posted.IsZero() {
			f.held = max(f.held, r.AfterResponse)
		}
	}
}

// conclude prints the tables, or writes them, and fails if a child is left.
func (f *results) conclude(t *testing.T) {
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
	if len(f.counts) != len(places()) {
		return // the command line has chosen some
	}
	text := render(f.counts)
	t.Logf("%d cells, %d runs repeated; held for %s at most, ended %s after SIGTERM at most\n\n%s",
		len(f.counts), f.repeated, f.held.Round(time.Millisecond), f.exit.Round(time.Millisecond), text)
	if *update && !t.Failed() {
		if err := document.Write(text); err != nil {
			t.Error(err)
		}
	}
}
