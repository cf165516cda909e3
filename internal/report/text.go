package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Width is the number of columns every line is made for.
const Width = 100

// columns returns how many columns the visible form of s takes, a rune being one.
func columns(s string) int { return utf8.RuneCountInString(Visible(s)) }

// left makes s visible, pads it with spaces on the right to n columns, and shortens it with an ellipsis
// if it is longer.
func left(s string, n int) string {
	s = Shorten(s, n)
	return s + strings.Repeat(" ", n-columns(s))
}

// right makes s visible and pads it with spaces on the left to n columns. A longer s stays whole: figures are never cut.
func right(s string, n int) string {
	return strings.Repeat(" ", max(0, n-columns(s))) + Visible(s)
}

// Shorten makes s visible and cuts it to n columns, the last of them an ellipsis if text was cut.
func Shorten(s string, n int) string {
	s = Visible(s)
	if columns(s) <= n {
		return s
	}
	if n <= 0 {
		return ""
	}
	return string([]rune(s)[:n-1]) + "…"
}

// Duration renders d with a unit and a useful precision. Only durations below a tenth of a millisecond are in
// microseconds, so "850 µs" never appears next to "0.9 ms".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d == 0:
		return "0 ms"
	case d < time.Microsecond:
		return "<1 µs"
	case d < 100*time.Microsecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second-50*time.Microsecond:
		return millis(d) + " ms"
	case d < 100*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.1f min", d.Minutes())
	default:
		return strconv.FormatFloat(math.Round(d.Hours()*100)/100, 'f', -1, 64) + " h"
	}
}

// words renders d for a sentence: without decimals if it is whole milliseconds.
func words(d time.Duration) string {
	if d > 0 && d < time.Second && d%time.Millisecond == 0 {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return Duration(d)
}

// millis renders d as milliseconds with one decimal and no unit.
func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64)
}

// Plural renders n and noun, with an s unless n is 1.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
