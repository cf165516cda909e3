package awslambda

import (
	"testing"
)

// FuzzDefaults: whatever the platform's variables hold, the queue keeps its bounds and the resource is valid.
func FuzzDefaults(f *testing.F) {
	for _, memory := range []string{"", "128", "10240", "-1", "99999999999", "1e3", "2147483647"} {
		f.Add(memory, "orders")
	}
	f.Fuzz(func(t *testing.T, memory, name string) {
		getenv := func(key string) string {
			if key == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" {
				return memory
			}
			return name
		}
		if n := queueSize(memoryMB(getenv)); n < minQueue || n > maxQueue {
			t.Errorf("memory %q: a queue of %d", memory, n)
		}
		for _, a := range functionResource(getenv).Attributes() {
			if !a.Valid() || a.Key == "faas.max_memory" && a.Value.AsInt64() <= 0 {
				t.Errorf("memory %q, name %q: attribute %v", memory, name, a)
			}
		}
		if Defaults() == nil {
			t.Error("no option")
		}
	})
}
