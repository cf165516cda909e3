package agent

// Join makes one Flusher of several.
func Join(_ ...Flusher) Flusher { return nil }
