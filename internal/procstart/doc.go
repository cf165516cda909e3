// Package procstart returns the start time of this process.
//
// Linux gives the start in clock ticks of 10 ms since the machine's boot. The package's initialization cannot precede the
// start, so it bounds the result. On other systems the start is the time of the package's initialization, which only reads
// the clock.
package procstart
