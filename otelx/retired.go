package otelx

import (
	"fmt"

	"github.com/epilogue-go/epilogue/internal/otelenv"
)

// retired maps variables of earlier releases to their successors.
var retired = [][2]string{
	{"EPILOGUE_LAST_RESORT", spillKey},
	{"EPILOGUE_LAST_RESORT_MAX_BYTES", spillBytesKey},
}

// rejectRetired makes each retired variable that is set an error.
func rejectRetired(env *otelenv.Reader) {
	for _, names := range retired {
		if key, _ := env.Lookup(names[0]); key != "" {
			env.Fail(fmt.Errorf("%s is retired and has no effect (set %s)", names[0], names[1]))
		}
	}
}
