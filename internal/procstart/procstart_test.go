package procstart

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// childMark makes a process of the test binary print its begin and end.
const childMark = "PROCSTART_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMark) != "" {
		fmt.Println(Began().UnixNano(), loaded.UnixNano())
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestBounded(t *testing.T) {
	loaded := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(ms int) time.Time { return loaded.Add(time.Duration(ms) * time.Millisecond) }
	tests := []struct {
		name string
		now  time.Time
		age  time.Duration
		want time.Time
	}{
		{"usual", at(30), 35 * time.Millisecond, at(-5)},
		{"the tick makes it younger than it is", at(30), 25 * time.Millisecond, loaded},
		{"nothing known", at(30), 0, loaded},
		{"frozen between loading and now", at(3_600_030), time.Hour + 35*time.Millisecond, at(-5)},
		{"a slow machine", at(30), 9 * time.Second, at(-8970)},
		{"absurdly old", at(30), 11 * time.Second, loaded},
		{"put back", at(-1), 35 * time.Millisecond, time.Time{}},
	}
	for _, tt := range tests {
		if got := bounded(tt.now, tt.age, loaded); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestBeganOfAProcess: a child cannot have begun before it was started, except for the granularity of its clock.
func TestBeganOfAProcess(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childMark+"=1")
	before := time.Now().Add(-2 * 10 * time.Millisecond)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var began, loaded int64
	if _, err := fmt.Fscan(bytes.NewReader(out), &began, &loaded); err != nil {
		t.Fatalf("the child printed %q: %v", out, err)
	}
	if began < before.UnixNano() || began > loaded {
		t.Errorf("began %v, want between %v and the package's initialization at %v",
			time.Unix(0, began), before, time.Unix(0, loaded))
	}
}

// TestVirtualClock: before the package's own initialization there was no process.
func TestVirtualClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if began := Began(); !began.IsZero() {
			t.Errorf("began at %v by a clock that says %v", began, time.Now())
		}
	})
}
