package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// unit is the unit of a row's figures.
type unit func(float64) string

func milliseconds(v float64) string { return fmt.Sprintf("%.2f ms", v) }
func megabytes(v float64) string    { return fmt.Sprintf("%.2f MB", v) }
func share(v float64) string        { return fmt.Sprintf("%.0f %%", v) }

// table has the figures of all programs, one row for each measurement.
type table struct{ rows []*row }

// row is the samples of one thing measured, by program. If it has a base the figures are ratios to that, and the base
// itself is written in its unit; otherwise all are.
type row struct {
	label   string
	unit    unit
	base    string
	samples map[string][]float64
}

// row returns the row of that label, the last if it is new.
func (t *table) row(label string, u unit, base string) *row {
	for _, r := range t.rows {
		if r.label == label {
			return r
		}
	}
	r := &row{label: label, unit: u, base: base, samples: make(map[string][]float64)}
	t.rows = append(t.rows, r)
	return r
}

func (r *row) add(program string, v float64) { r.samples[program] = append(r.samples[program], v) }

func (r *row) cell(program string) string {
	switch {
	case len(r.samples[program]) == 0:
		return "–"
	case r.base == "" || r.base == program:
		return r.unit(median(r.samples[program]))
	default:
		return fmt.Sprintf("%.2f", median(r.samples[program])/median(r.samples[r.base]))
	}
}

// median is that of a copy of samples, of which there is at least one.
func median(samples []float64) float64 {
	s := slices.Sorted(slices.Values(samples))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// write writes the table in Markdown.
func (t *table) write(out io.Writer) {
	header := []string{""}
	for _, p := range programs {
		header = append(header, p.name)
	}
	var rows [][]string
	for _, r := range t.rows {
		line := []string{r.label}
		for _, p := range programs {
			line = append(line, r.cell(p.name))
		}
		rows = append(rows, line)
	}
	align(out, header, rows)
}

// align writes a table in Markdown with aligned columns.
func align(out io.Writer, header []string, rows [][]string) {
	rule := make([]string, len(header))
	lines := append([][]string{header, rule}, rows...)
	widths := make([]int, len(header))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, w := range widths {
		rule[i] = strings.Repeat("-", w-1) + ":"
	}
	rule[0] = ":" + strings.Repeat("-", widths[0]-1)
	for _, line := range lines {
		fmt.Fprintf(out, "| %s%s |", line[0], padding(line[0], widths[0]))
		for i, cell := range line[1:] {
			fmt.Fprintf(out, " %s%s |", padding(cell, widths[i+1]), cell)
		}
		fmt.Fprintln(out)
	}
}

func padding(cell string, width int) string {
	return strings.Repeat(" ", width-utf8.RuneCountInString(cell))
}
