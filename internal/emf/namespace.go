package emf

import (
	"fmt"
	"strings"
)

// maxNamespace is the limit of a namespace's length (API Reference, "PutMetricData").
const maxNamespace = 255

// CheckNamespace returns an error if CloudWatch does not accept metrics of a program in the namespace.
func CheckNamespace(namespace string) error {
	switch {
	case strings.TrimSpace(namespace) == "":
		return fmt.Errorf("namespace %q: empty", namespace)
	case strings.HasPrefix(namespace, "AWS/"):
		return fmt.Errorf("namespace %q: AWS/ is for metrics of AWS (for example, use the service's name)", namespace)
	case len(namespace) > maxNamespace:
		return fmt.Errorf("namespace %.50q: more than %d characters", namespace, maxNamespace)
	case strings.HasPrefix(namespace, ":"):
		return fmt.Errorf("namespace %q: begins with a colon", namespace)
	case strings.ContainsFunc(namespace, notInNamespace):
		return fmt.Errorf("namespace %q: only letters, digits, spaces and . - _ / # : are allowed", namespace)
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
