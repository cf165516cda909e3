package matrix

import (
	"flag"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the tables of docs/reliability.md anew")

// figures are what the test has found, by place.
type figures struct {
	mu       sync.Mutex
	accounts map[string]account
	hold     time.Duration // the longest of all
	exit     time.Duration
	again    int // stories that were told again
}

func (f *figures) note(c *cell, again int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accounts[c.String()] = c.account()
	f.hold, f.exit = max(f.hold, c.holdTime()), max(f.exit, c.exitTime())
	f.again += again
}

// TestMatrix tells the story of every cell and compares its account with the documentation.
func TestMatrix(t *testing.T) {
	documented, err := readTables()
	if err != nil && !*update {
		t.Fatal(err)
	}
	go heartbeat.run(t.Context())
	found := &figures{accounts: make(map[string]account)}
	t.Cleanup(func() { found.conclude(t) })
	for _, p := range places() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			c := found.tell(t, p, documented[p.String()])
			a, exit := c.account(), c.exitTime()
			t.Logf("%s; held for %s, ended in %s", a, c.holdTime().Round(time.Millisecond), exit.Round(time.Millisecond))
		})
	}
}

// tell tells the story of p, and again where it goes wrong on a machine that was too busy for it.
func (f *figures) tell(t *testing.T, p place, documented string) *cell {
	t.Helper()
	for again := range tellings {
		began := time.Now()
		c := tell(t, p)
		err := c.judge(documented)
		late := c.lateness(began, time.Now())
		if err == nil {
			f.note(c, again)
			return c
		}
		if late < busy || again == tellings-1 {
			t.Errorf("%v\nlate by %s, told %d times; events:\n%s", err, late, again+1, c.log)
			f.note(c, again)
			return c
		}
		t.Logf("told again, late by %s: %v", late, err)
	}
	return nil
}

// account is that of the whole story.
func (c *cell) account() (sum account) {
	for _, p := range c.processes() {
		sum.add(p.account(c.receiver.Spans()))
	}
	return sum
}

// places are all of them.
func places() (all []place) {
	for p := range platforms {
		for e := range ends {
			for b := range backends {
				all = append(all, place{&platforms[p], &ends[e], &backends[b]})
			}
		}
	}
	return all
}

// conclude prints the tables, or writes them, and sees that no child is left.
func (f *figures) conclude(t *testing.T) {
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
	if len(f.accounts) != len(places()) {
		return // the command line has chosen some
	}
	text := render(f.accounts)
	t.Logf("%d cells, %d of them told again; held for %s at most, ended %s after SIGTERM at most\n\n%s",
		len(f.accounts), f.again, f.hold.Round(time.Millisecond), f.exit.Round(time.Millisecond), text)
	if *update && !t.Failed() {
		if err := writeTables(text); err != nil {
			t.Error(fmt.Errorf("update: %w", err))
		}
	}
}
