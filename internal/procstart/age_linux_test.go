package procstart

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// statOf is /proc/self/stat with a name and a 22nd field.
func statOf(name, starttime string) string {
	return "17 (" + name + ") S" + strings.Repeat(" 1", 18) + " " + starttime + " 2 3 4\n"
}

func TestSince(t *testing.T) {
	const now = 123*time.Second + 971*time.Millisecond
	tests := []struct {
		name, stat string
		want       time.Duration
	}{
		{"usual", statOf("bootstrap", "12345"), 516 * time.Millisecond},
		{"this tick, its second half", statOf("bootstrap", "12396"), 6 * time.Millisecond},
		{"this tick, its first half", statOf("bootstrap", "12397"), 0},
		{"a name with everything in it", statOf("a) R 1 (b c", "12345"), 516 * time.Millisecond},
		{"begun later than now", statOf("bootstrap", "12399"), 0},
		{"no stat", "", 0},
		{"stat is cut off", "17 (bootstrap) S 1 1", 0},
		{"starttime is no number", statOf("bootstrap", "x"), 0},
		{"starttime is huge", statOf("bootstrap", "18446744073709551615"), 0},
	}
	for _, tt := range tests {
		if got := since([]byte(tt.stat), now); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestAgeIsRead: the process that has started the test is older than a tick.
func TestAgeIsRead(t *testing.T) {
	if age := ageBy(fmt.Sprintf("/proc/%d/stat", os.Getppid())); age <= 0 {
		t.Errorf("the parent is %v old", age)
	}
	if age := ageBy("/proc/none"); age != 0 {
		t.Errorf("no process is %v old", age)
	}
}
