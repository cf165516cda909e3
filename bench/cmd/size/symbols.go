package main

import (
	"debug/elf"
	"fmt"
	"strings"
)

// Shares of a binary that belong to no package.
const (
	typeData = "(types, strings and other read-only data)"
	rounding = "(segments rounded up)"
)

// packageSizes returns how many bytes of a binary's file each package takes: its functions, its variables, and in
// proportion to its functions the tables with which the runtime finds their lines and frames (.gopclntab). Bytes
// without a symbol, mostly type descriptors and strings, are typeData.
func packageSizes(path string) (map[string]int64, error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	symbols, err := file.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read the symbols of %s: %w", path, err)
	}
	sizes, code := make(map[string]int64), make(map[string]int64)
	var allCode, known int64
	for _, s := range symbols {
		section := sectionOf(file, s)
		if section == nil || section.Type == elf.SHT_NOBITS || section.Name == ".gopclntab" {
			continue
		}
		pkg, size := packageOf(s.Name), int64(s.Size)
		sizes[pkg] += size
		known += size
		if section.Name == ".text" {
			code[pkg] += size
			allCode += size
		}
	}
	lines := int64(file.Section(".gopclntab").Size)
	for pkg, n := range code {
		sizes[pkg] += lines * n / allCode
	}
	sizes[typeData] += loaded(file) - lines - known
	return sizes, nil
}

// sectionOf returns the section that holds s, nil for none.
func sectionOf(file *elf.File, s elf.Symbol) *elf.Section {
	if s.Section == elf.SHN_UNDEF || int(s.Section) >= len(file.Sections) {
		return nil
	}
	return file.Sections[s.Section]
}

// loaded returns the bytes of the file that are mapped into memory.
func loaded(file *elf.File) int64 {
	var n int64
	for _, s := range file.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS {
			n += int64(s.Size)
		}
	}
	return n
}

// packageOf returns the import path in the name of a symbol such as "net/http.(*Transport).dialConn", and typeData where
// there is none. In a path's last element the linker writes a dot as %2e.
func packageOf(symbol string) string {
	name := strings.TrimPrefix(symbol, "type:.eq.")
	if strings.HasPrefix(name, "go:") || strings.HasPrefix(name, "type:") {
		return typeData
	}
	end := len(name)
	if i := strings.IndexAny(name, "[("); i >= 0 { // type arguments and receivers hold paths of their own
		end = i
	}
	slash := strings.LastIndexByte(name[:end], '/') + 1
	dot := strings.IndexByte(name[slash:end], '.')
	if dot <= 0 {
		return typeData
	}
	return strings.ReplaceAll(name[:slash+dot], "%2e", ".")
}
