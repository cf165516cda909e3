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

// counts returns the counts of the function's ended processes that had a shutdown, by their numbers. Each report is read
// once, when its process has ended: a later process, or the rest of an earlier one, cannot change it.
func (s *Lambda) counts() map[int]report.Counts {
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
	return s.counted
}

const (
	maxReport = 64 << 10 // bytes; the report of an agent has a few hundred
	maxCount  = 1 << 40  // of spans; sums of more processes than there are do not overflow
)

// readCounts reads the span counts that the agent of a process wrote at its shutdown. A process that exited by itself, or
// has no agent, leaves no file. The function can write anything else to the path, or put another kind of file there.
func readCounts(path string) (report.Counts, error) {
	text, err := readRegular(path)
	if err != nil {
		return report.Counts{}, err
	}
	var r counts.ShutdownReport
	if err := json.Unmarshal(text, &r); err != nil {
		return report.Counts{}, fmt.Errorf("decode shutdown report: %w", err)
	}
	for _, s := range r.Signals {
		if s.Name == "traces" {
			return spanCounts(s)
		}
	}
	return report.Counts{}, errors.New("the shutdown report has no counts of spans")
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

// spanCounts checks the counts: none is negative, and each ended span is in exactly one of the others.
func spanCounts(s counts.Signal) (report.Counts, error) {
	for _, n := range []int64{s.Ended, s.Exported, s.Pending, s.Dropped, s.Spilled, s.Superseded} {
		if n < 0 || n > maxCount {
			return report.Counts{}, fmt.Errorf("the shutdown report has a count of %d", n)
		}
	}
	if sum := s.Exported + s.Pending + s.Dropped + s.Spilled + s.Superseded; sum != s.Ended {
		return report.Counts{}, fmt.Errorf("the shutdown report has %d ended spans, and %d in its other counts", s.Ended, sum)
	}
	return report.Counts{
		Ended: int(s.Ended), Exported: int(s.Exported), Pending: int(s.Pending + s.Spilled), Dropped: int(s.Dropped),
	}, nil
}
