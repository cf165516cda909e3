package emf

import (
	"errors"
	"fmt"
	"strings"
)

// maxNamespace is the limit of a namespace's length (API Reference, "PutMetricData").
const maxNamespace = 255

// CheckNamespace returns an error, with a remedy and without the namespace, if CloudWatch does not accept metrics of a program
// in the namespace.
func CheckNamespace(namespace string) error {
	switch {
	case strings.TrimSpace(namespace) == "":
		return errors.New("empty (write the name of the application, for example)")
	case strings.HasPrefix(namespace, "AWS/"):
		return errors.New("AWS/ is for metrics of AWS (write another namespace, for example the service's name)")
	case len(namespace) > maxNamespace:
		return fmt.Errorf("%d bytes (write at most %d)", len(namespace), maxNamespace)
	case strings.HasPrefix(namespace, ":"):
		return errors.New("begins with a colon (write a letter or a digit first)")
	case strings.ContainsFunc(namespace, notInNamespace):
		return errors.New("has another character than letters, digits, spaces and . - _ / # : (replace it)")
	}
	return nil
}

// DefaultNamespace returns the namespace of a service: its name, with an underscore for each character that a namespace
// cannot have. It is "default" if nothing is left.
func DefaultNamespace(service string) string {
	namespace := strings.Map(func(r rune) rune {
		if notInNamespace(r) {
			return '_'
		}
		return r
	}, service)
	namespace = strings.TrimLeft(namespace[:min(len(namespace), maxNamespace)], ":")
	if strings.HasPrefix(namespace, "AWS/") {
		namespace = "AWS_" + strings.TrimPrefix(namespace, "AWS/")
	}
	if CheckNamespace(namespace) != nil {
		return "default"
	}
	return namespace
}

func notInNamespace(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune(" .-_/#:", r)
}
