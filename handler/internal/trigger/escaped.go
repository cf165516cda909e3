package trigger

import "bytes"

// JSON in the text of a string, as SNS's messages come through SQS, is scanned as it stands there, in half the time that it takes
// to unquote it first. A quote is \" there, a backslash \\, and \n, \r and \t are white space. A quote alone ends the string, and
// so what is in it. Where something is met that may mean else than it says, as \u does, the text has to be unquoted.

// escapedSpace is space in the text of a string.
func escapedSpace(s []byte, i int) int {
	for i = space(s, i); i+1 < len(s) && s[i] == '\\' && (s[i+1] == 'n' || s[i+1] == 'r' || s[i+1] == 't'); {
		i = space(s, i+2)
	}
	return i
}

// skipEscaped is skipValue in the text of a string.
func skipEscaped(s []byte, i int) int {
	for depth := 0; i < len(s); {
		switch meaning[s[i]] {
		case quote:
			return len(s) + 1
		case open:
			depth++
			i++
		case shut:
			if depth == 0 {
				return i
			}
			depth--
			i++
		default:
			switch {
			case s[i] != '\\':
				if depth == 0 {
					return skipEscapedWord(s, i)
				}
				i++
				continue
			case i+1 < len(s) && s[i+1] == '"':
				i = skipEscapedString(s, i)
			default:
				if depth == 0 {
					return len(s) + 1
				}
				i += 2
				continue
			}
		}
		if depth == 0 {
			return i
		}
	}
	return len(s) + 1
}

// skipEscapedWord skips a number or a word.
func skipEscapedWord(s []byte, i int) int {
	for i < len(s) && meaning[s[i]] <= number && s[i] != '\\' {
		i++
	}
	if i == len(s) || meaning[s[i]] < shut && escapedSpace(s, i) == i {
		return len(s) + 1
	}
	return i
}

// skipEscapedString is skipString in the text of a string. A quote that has a backslash ahead, and before that one an even
// number of escaped ones, is not escaped itself.
func skipEscapedString(s []byte, i int) int {
	for i += 2; ; {
		n := bytes.IndexByte(s[i:], '"')
		if n < 0 {
			return len(s) + 1
		}
		slashes := 0
		for slashes < n && s[i+n-1-slashes] == '\\' {
			slashes++
		}
		i += n + 1
		switch slashes % 4 {
		case 0, 2:
			return len(s) + 1
		case 1:
			return i
		}
	}
}

// hidden reports whether the text of a string has a character that is written as \uXXXX, which any can be.
func hidden(s []byte) bool {
	for i := 0; ; {
		n := bytes.IndexByte(s[i:], 'u')
		if n < 0 {
			return false
		}
		slashes := 0
		for slashes < n && s[i+n-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 1 {
			return true
		}
		i += n + 1
	}
}
