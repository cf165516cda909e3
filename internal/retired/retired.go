// Package retired lists the environment variables that have new names. A retired variable that is set is ignored; the
// package that used to read it names its successor once.
package retired

import "fmt"

// Variable is a retired environment variable.
type Variable struct {
	Name      string
	Successor string
}

// Agent has the variables of package agent.
var Agent = []Variable{
	{"EPILOGUE_GRACE", "EPILOGUE_HANDLER_START_WAIT"},
	{"EPILOGUE_MARGIN", "EPILOGUE_DEADLINE_MARGIN"},
	{"EPILOGUE_PROVISIONAL_SPANS", "EPILOGUE_END_BEFORE_TIMEOUT"},
	{"EPILOGUE_SIGNAL_ONLY", "EPILOGUE_SHUTDOWN_ONLY"},
	{"EPILOGUE_TIMEOUT_GUARD", "EPILOGUE_PRE_TIMEOUT_FLUSH"},
}

// OTelX has the variables of package otelx.
var OTelX = []Variable{
	{"EPILOGUE_LAST_RESORT", "EPILOGUE_SPILL"},
	{"EPILOGUE_LAST_RESORT_MAX_BYTES", "EPILOGUE_SPILL_MAX_BYTES"},
}

// Check returns an error for each variable of the table that is set.
func Check(table []Variable, getenv func(string) string) (errs []error) {
	for _, v := range table {
		if getenv(v.Name) != "" {
			errs = append(errs, fmt.Errorf("%s is set and ignored: it is now called %s", v.Name, v.Successor))
		}
	}
	return errs
}
