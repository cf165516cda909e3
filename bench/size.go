package main

import (
	"archive/zip"
	"compress/flate"
	"context"
	"io"
	"os"
	"runtime"

	"github.com/epilogue-go/epilogue/bench/build"
)

// sizes are those of all programs' binaries.
type sizes struct{ found []size }

type size struct {
	program, arch string
	raw, zipped   int64 // bytes
}

// build compiles all programs for arch, notes their sizes, and in paths if those are that run here.
func (s *sizes) build(ctx context.Context, dir, arch string, paths map[string]string) error {
	for _, p := range programs {
		path, err := build.Program(ctx, dir, p.name, arch, build.Stripped)
		if err != nil {
			return err
		}
		raw, zipped, err := measureFile(path)
		if err != nil {
			return err
		}
		s.found = append(s.found, size{program: p.name, arch: arch, raw: raw, zipped: zipped})
		if arch == runtime.GOARCH {
			paths[p.name] = path
		}
	}
	return nil
}

// addTo adds a row of raw and a row of zipped sizes for each architecture.
func (s *sizes) addTo(t *table) {
	for _, f := range s.found {
		t.row("binary, "+f.arch, megabytes, programs[0].name).add(f.program, float64(f.raw)/1e6)
		t.row("binary, "+f.arch+", zipped", megabytes, programs[0].name).add(f.program, float64(f.zipped)/1e6)
	}
}

// measureFile returns the size of a file, and that of a zip file which holds only it.
func measureFile(path string) (raw, zipped int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = file.Close() }()
	var out counter
	z := zip.NewWriter(&out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	w, err := z.Create("bootstrap")
	if err == nil {
		raw, err = io.Copy(w, file)
	}
	if err == nil {
		err = z.Close()
	}
	return raw, int64(out), err
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
