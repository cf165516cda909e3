package spill_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/epilogue-go/epilogue/internal/bounded"
	"github.com/epilogue-go/epilogue/internal/spill"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// joined encodes texts as a line of them.
type joined struct{}

func (joined) AppendLine(dst []byte, items []string, limit int) (out []byte, n int) {
	size := 0
	for n < len(items) && size+len(items[n])+1 <= limit {
		size += len(items[n]) + 1
		n++
	}
	if n == 0 {
		return dst, 0
	}
	return append(dst, strings.Join(items[:n], " ")+"\n"...), n
}

// AppendReducedLine cuts the item, unless it begins with !.
func (joined) AppendReducedLine(dst []byte, item string, limit int) (out []byte, fits bool) {
	if strings.HasPrefix(item, "!") {
		return dst, false
	}
	return append(append(dst, item[:min(limit-1, len(item))]...), '\n'), true
}

// writer calls a function.
type writer func(line []byte) (int, error)

func (f writer) Write(line []byte) (int, error) { return f(line) }

// write writes items and returns the ones that were reported as spilled.
func write(ctx context.Context, w *spill.Writer, items ...string) (spilled []string, err error) {
	err = spill.Write(ctx, w, joined{}, items, func(from, to int) { spilled = append(spilled, items[from:to]...) })
	return spilled, err
}

func TestWrite(t *testing.T) {
	var out bytes.Buffer
	w := spill.NewWriter(&out, spill.DefaultMaxBytes)
	for range 2 {
		if got, err := write(t.Context(), w, "a", "b"); err != nil || !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("spilled %q, %v", got, err)
		}
	}
	if out.String() != "a b\na b\n" {
		t.Errorf("wrote %q", out.String())
	}
}

func TestItemsTooLargeForALineAreReducedOrLeftOut(t *testing.T) {
	var out bytes.Buffer
	large := strings.Repeat("x", spill.MaxLineBytes)
	got, err := write(t.Context(), spill.NewWriter(&out, spill.DefaultMaxBytes), "a", "!"+large, "b", large, "c")
	if !slices.Equal(got, []string{"a", "b", large, "c"}) || err == nil || err.Error() != "1 too large for a line of 204800 bytes" {
		t.Errorf("spilled %.200q, %v", got, err)
	}
	if want := "a\nb\n" + large[1:] + "\nc\n"; out.String() != want {
		t.Errorf("wrote %d bytes, want %d", out.Len(), len(want))
	}
}

// The lines of all calls together stay within the limit.
func TestMaxBytes(t *testing.T) {
	var out bytes.Buffer
	w := spill.NewWriter(&out, 10)
	first, err1 := write(t.Context(), w, "1234", "56")
	second, err2 := write(t.Context(), w, "7", "8")
	if len(first) != 2 || err1 != nil || len(second) != 1 || err2 == nil || !strings.Contains(err2.Error(), "limit of 10 bytes") {
		t.Errorf("%q, %v; %q, %v", first, err1, second, err2)
	}
	if out.String() != "1234 56\n7\n" {
		t.Errorf("wrote %q", out.String())
	}
}

func TestWriterFails(t *testing.T) {
	for name, c := range map[string]struct {
		w    writer
		want error
	}{
		"an error":      {func([]byte) (int, error) { return 0, io.ErrClosedPipe }, io.ErrClosedPipe},
		"a short write": {func([]byte) (int, error) { return 1, nil }, io.ErrShortWrite},
		"a panic":       {func([]byte) (int, error) { panic(io.EOF) }, io.EOF},
	} {
		if got, err := write(t.Context(), spill.NewWriter(c.w, 100), "abc"); len(got) > 0 || !errors.Is(err, c.want) {
			t.Errorf("%s: spilled %q, %v; want %v", name, got, err, c.want)
		}
	}
}

// A write that hangs holds no caller beyond its context, and no other write begins. The line counts when it has been written.
func TestWriterHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		w := spill.NewWriter(writer(func(line []byte) (int, error) { <-gate; return len(line), nil }), 100)
		spilled := make(chan int, 10)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		err := spill.Write(ctx, w, joined{}, []string{"a", "b"}, func(from, to int) { spilled <- to - from })
		if took := time.Since(begun); took != time.Second || !errors.Is(err, bounded.ErrNotReturned) || len(spilled) != 0 {
			t.Errorf("%v after %v, %d lines", err, took, len(spilled))
		}
		if got, err := write(t.Context(), w, "c"); len(got) > 0 || !errors.Is(err, bounded.ErrStillRunning) {
			t.Errorf("a second write: %q, %v", got, err)
		}
		close(gate)
		if n := <-spilled; n != 2 {
			t.Errorf("%d items in the line, want 2", n)
		}
		synctest.Wait()
		if got, err := write(t.Context(), w, "d"); len(got) != 1 || err != nil {
			t.Errorf("after it has returned: %q, %v", got, err)
		}
	})
}

// Between lines the writer looks at the time.
func TestWriteEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	large := strings.Repeat("x", spill.MaxLineBytes/2)
	w := spill.NewWriter(writer(func(line []byte) (int, error) { cancel(stop); return len(line), nil }), spill.DefaultMaxBytes)
	if err := spill.Write(ctx, w, joined{}, []string{large, large, large}, func(int, int) {}); !errors.Is(err, stop) && !errors.Is(err, bounded.ErrNotReturned) {
		t.Errorf("error %v", err)
	}
}

// TestSmallerItemsUseTheRestOfTheBytes asserts that an item for which the bytes of all lines do not suffice does not keep smaller
// ones after it.
func TestSmallerItemsUseTheRestOfTheBytes(t *testing.T) {
	var out bytes.Buffer
	a, b, c := strings.Repeat("a", 600), strings.Repeat("b", 600), strings.Repeat("c", 200)
	got, err := write(t.Context(), spill.NewWriter(&out, 1000), a, b, c, b, "d")
	if !slices.Equal(got, []string{a, c, "d"}) || err == nil || err.Error() != "2 do not fit into the limit of 1000 bytes for all lines" {
		t.Errorf("spilled %.20q, %v", got, err)
	}
}

// An item that is too large for any line does not keep the others from the last line's worth of bytes.
func TestItemTooLargeForTheLastLine(t *testing.T) {
	var out bytes.Buffer
	got, err := write(t.Context(), spill.NewWriter(&out, spill.MaxLineBytes), "!"+strings.Repeat("x", spill.MaxLineBytes), "a")
	if !slices.Equal(got, []string{"a"}) || err == nil || out.String() != "a\n" {
		t.Errorf("spilled %q, wrote %d bytes, %v", got, out.Len(), err)
	}
}
