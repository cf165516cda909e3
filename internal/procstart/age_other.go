//go:build !linux

package procstart

import "time"

func age() time.Duration { return 0 }
