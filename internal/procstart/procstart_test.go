package procstart

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// childMark makes a process of the test binary print its begin and the package's initialization.
const childMark = "PROCSTART_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMark) != "" {
		fmt.Println(Began().UnixNano(), loaded.UnixNano())
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestAge(t *testing.T) {
	stat := func(name, starttime string) string {
		return "17 (" + name + ") S" + strings.Repeat(" 1", 18) + " " + starttime + " 2 3 4\n"
	}
	for _, tt := range []struct {
		name, stat, uptime string
		want               time.Duration
	}{
		{"usual", stat("bootstrap", "12345"), "123.97 99.10\n", 520 * time.Millisecond},
		{"a name with everything in it", stat("a) R 1 (b c", "12345"), "123.97 1", 520 * time.Millisecond},
		{"begun later than now", stat("bootstrap", "12399"), "123.97 1", 0},
		{"no stat", "", "123.97 1", 0},
		{"no uptime", stat("bootstrap", "12345"), "", 0},
		{"uptime is no number", stat("bootstrap", "12345"), "long 1", 0},
		{"stat is cut off", "17 (bootstrap) S 1 1", "123.97 1", 0},
		{"starttime is huge", stat("bootstrap", "9223372036854775807"), "123.97 1", 0},
	} {
		if got := age([]byte(tt.stat), []byte(tt.uptime)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestBounded(t *testing.T) {
	loaded := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(ms int) time.Time { return loaded.Add(time.Duration(ms) * time.Millisecond) }
	for _, tt := range []struct {
		name string
		now  time.Time
		age  time.Duration
		want time.Time
	}{
		{"usual", at(30), 35 * time.Millisecond, at(-5)},
		{"the tick makes it younger than it is", at(30), 25 * time.Millisecond, loaded},
		{"frozen between loading and now", at(3_600_030), time.Hour + 35*time.Millisecond, at(-5)},
		{"a slow machine", at(30), 9 * time.Second, at(-8970)},
		{"absurdly old", at(30), 11 * time.Second, loaded},
		{"put back", at(-1), 35 * time.Millisecond, time.Time{}},
	} {
		if got := bounded(tt.now, tt.age, loaded); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestBeganOfAProcess has a child, which cannot have begun before it was started, except for the granularity of its clock.
func TestBeganOfAProcess(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childMark+"=1")
	before := time.Now().Add(-2 * tick)
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
	synctest.Test(t, func(t *testing.T) {
		if began := Began(); !began.IsZero() {
			t.Errorf("began at %v by a clock that says %v", began, time.Now())
		}
	})
}
