package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/epilogue-go/epilogue/internal/counts"
	"github.com/epilogue-go/epilogue/internal/report"
	"github.com/epilogue-go/epilogue/lambdatest"
)

// The names of the signals in a shutdown report.
const traces, metrics, logs = "traces", "metrics", "logs"

// counts returns the counts of one signal in the function's ended processes that had a shutdown, by their numbers. Each
// report is read once, when its process has ended: a later process, or the rest of an earlier one, cannot change it.
func (s *Lambda) counts(signal string) map[int]report.Counts {
	process := 0
	for _, e := range s.log.Events() {
		switch e.Kind {
		case lambdatest.KindProcessStart:
			process = e.Count
		case lambdatest.KindProcessExit:
			if process > s.settled {
				s.settled = process
				if c, err := readCounts(s.reportPath(process)); err == nil {
					s.counted[process] = c
				}
			}
		}
	}
	counts := map[int]report.Counts{}
	for process, reported := range s.counted {
		if c, ok := reported[signal]; ok {
			counts[process] = c
		}
	}
	return counts
}

const (
	maxReport = 64 << 10 // bytes; the report of an agent has a few hundred
	maxCount  = 1 << 40  // of items; sums of more processes than there are do not overflow
)

// readCounts reads the counts that the agent of a process wrote at its shutdown, by signal. A process that exited by
// itself, or has no agent, leaves no file. The function can write anything else to the path, or put another kind of file
// there.
func readCounts(path string) (map[string]report.Counts, error) {
	text, err := readRegular(path)
	if err != nil {
		return nil, err
	}
	var r counts.ShutdownReport
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("decode shutdown report: %w", err)
	}
	bySignal := map[string]report.Counts{}
	for _, s := range r.Signals {
		if bySignal[s.Name], err = signalCounts(s); err != nil {
			return nil, err
		}
	}
	return bySignal, nil
}

// readRegular reads a file that is neither a link nor a pipe or device, to at most maxReport bytes.
func readRegular(path string) ([]byte, error) {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("the shutdown report is no regular file"))
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // does not wait, even if a pipe has taken its place
	if err != nil {
		return nil, fmt.Errorf("open shutdown report: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxReport {
		return nil, errors.Join(err, errors.New("the shutdown report is no small regular file"))
	}
	text, err := io.ReadAll(io.LimitReader(file, maxReport))
	if err != nil {
		return nil, fmt.Errorf("read shutdown report: %w", err)
	}
	return text, nil
}

// signalCounts checks the counts: none is negative, and each ended item is in exactly one of the others.
func signalCounts(s counts.Signal) (report.Counts, error) {
	for _, n := range []int64{s.Ended, s.Exported, s.Pending, s.Dropped, s.Spilled, s.Superseded} {
		if n < 0 || n > maxCount {
			return report.Counts{}, fmt.Errorf("the shutdown report has a count of %d", n)
		}
	}
	if sum := s.Exported + s.Pending + s.Dropped + s.Spilled + s.Superseded; sum != s.Ended {
		return report.Counts{}, fmt.Errorf("the shutdown report has %d ended items, and %d in its other counts", s.Ended, sum)
	}
	return report.Counts{
		Ended: int(s.Ended), Exported: int(s.Exported), Pending: int(s.Pending + s.Spilled), Dropped: int(s.Dropped),
		Superseded: int(s.Superseded),
	}, nil
}
