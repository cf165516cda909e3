package child

import (
	"bufio"
	"bytes"
	"debug/elf"
	"debug/macho"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// explain adds to err, the error of a start, what the file at path is: the system's own words for a program of another
// system or architecture, for a script without an interpreter and for a missing loader do not say so. The caller names path.
func explain(path string, err error) error {
	if at := new(fs.PathError); errors.As(err, &at) {
		err = at.Err
	}
	reason := reasonOf(path, err)
	if reason == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, reason)
}

func reasonOf(path string, err error) string {
	info, statErr := os.Stat(path)
	switch {
	case statErr != nil:
		return ""
	case info.IsDir():
		return "it is a directory; name an executable file"
	case !info.Mode().IsRegular():
		return "it is no regular file; name an executable file"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("its mode is %s; chmod +x makes it executable", info.Mode())
	}
	file, openErr := os.Open(path)
	if openErr != nil {
		return ""
	}
	defer func() { _ = file.Close() }() // it was only read
	if errors.Is(err, fs.ErrNotExist) { // the file exists, so another one that it needs does not
		return missing(file)
	}
	return formatOf(file)
}

// missing names the interpreter of a script or the loader of a program.
func missing(file *os.File) string {
	line, _ := bufio.NewReader(io.LimitReader(file, 4096)).ReadString('\n')
	if rest, script := strings.CutPrefix(line, "#!"); script {
		return fmt.Sprintf("its interpreter %q does not exist", strings.Trim(rest, " \n"))
	}
	program, err := elf.NewFile(file)
	if err != nil {
		return ""
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			loader, _ := io.ReadAll(io.LimitReader(p.Open(), 4096))
			return fmt.Sprintf("its loader %q does not exist; for Go, CGO_ENABLED=0 builds a program that needs none", bytes.TrimRight(loader, "\x00"))
		}
	}
	return ""
}

// formatOf says what a file is that the system does not run.
func formatOf(file io.ReaderAt) string {
	var head [20]byte
	n, _ := file.ReadAt(head[:], 0)
	var built string
	switch magic := head[:min(n, 4)]; {
	case n == 0:
		return "the file is empty"
	case bytes.HasPrefix(magic, []byte("#!")):
		return "it is a script whose interpreter the system does not run"
	case n == len(head) && string(magic) == elf.ELFMAG:
		built = "linux/" + elfArchitecture(head)
	case isMachO(magic):
		built = "darwin"
	case bytes.HasPrefix(magic, []byte("MZ")):
		built = "windows"
	default:
		return "it is no program for this system, and no script: its first line names no interpreter (such as #!/bin/sh)"
	}
	if built == runtime.GOOS+"/"+runtime.GOARCH {
		return "it is a program for this machine, but damaged"
	}
	return fmt.Sprintf("it is built for %s, and this machine is %s/%s; build it with GOOS=%[2]s GOARCH=%[3]s, or install an emulator",
		built, runtime.GOOS, runtime.GOARCH)
}

func isMachO(magic []byte) bool {
	for _, known := range []uint32{macho.Magic32, macho.Magic64, macho.MagicFat} {
		big := []byte{byte(known >> 24), byte(known >> 16), byte(known >> 8), byte(known)}
		little := []byte{big[3], big[2], big[1], big[0]}
		if bytes.Equal(magic, big) || bytes.Equal(magic, little) {
			return true
		}
	}
	return false
}

// architectures are Go's names for the machines of ELF that Go builds for.
var architectures = map[elf.Machine]string{
	elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_386: "386", elf.EM_ARM: "arm", elf.EM_RISCV: "riscv64",
	elf.EM_PPC64: "ppc64", elf.EM_S390: "s390x", elf.EM_LOONGARCH: "loong64", elf.EM_MIPS: "mips",
}

// elfArchitecture returns the architecture in the header of an ELF file.
func elfArchitecture(head [20]byte) string {
	machine := elf.Machine(uint16(head[18]) | uint16(head[19])<<8)
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		machine = elf.Machine(uint16(head[19]) | uint16(head[18])<<8)
	}
	if name, known := architectures[machine]; known {
		return name
	}
	return machine.String()
}
