// Package procstart tells when this process began.
//
// Linux says so in clock ticks of 10 ms, and in the clock that counts from the machine's boot; the package's own
// initialisation, which can not have come before, bounds what that gives. Elsewhere the process counts as begun with
// the package's initialisation, which reads the clock once and does nothing else.
package procstart
