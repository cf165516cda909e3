package strategies

import (
	"fmt"
	"testing"
	"time"
)

var strategies = []struct {
	name   string
	period time.Duration
}{
	{"end", 0},
	{"periodic,10s", 10 * time.Second},
	{"adaptive,10s", 10 * time.Second},
	{"adaptive,20s", 20*time.Second},
	{"adaptive,30s", 30*time.Second},
}

func TestTry(t *testing.T) {
	for _, p := range patterns {
		for _, s := range strategies {
			b := time.Now()
			f := tell(t, s.name, s.period, p)
			fmt.Println(p.name, s.name, f.invocations, f.flushes, f.after, f.billed, f.waits[len(f.waits)/2], f.waits[len(f.waits)-1], f.atRisk, f.left, f.ended, f.lost, f.late, time.Since(b))
		}
	}
}
