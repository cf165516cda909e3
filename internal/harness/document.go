package harness

import (
	"fmt"
	"os"
	"strings"
)

// Section is the part of a document between two marks, which a test writes or compares.
type Section struct{ Path, Begin, End string }

// Read returns the text between the marks.
func (s Section) Read() (string, error) {
	_, text, _, err := s.split()
	return text, err
}

// Write replaces it.
func (s Section) Write(text string) error {
	before, _, after, err := s.split()
	if err != nil {
		return err
	}
	return os.WriteFile(s.Path, []byte(before+s.Begin+"\n"+text+s.End+after), 0o600)
}

func (s Section) split() (before, text, after string, err error) {
	data, err := os.ReadFile(s.Path)
	if err != nil {
		return "", "", "", err
	}
	before, rest, found := strings.Cut(string(data), s.Begin+"\n")
	text, after, closed := strings.Cut(rest, s.End)
	if !found || !closed {
		return "", "", "", fmt.Errorf("%s: the marks %s and %s are missing", s.Path, s.Begin, s.End)
	}
	return before, text, after, nil
}
