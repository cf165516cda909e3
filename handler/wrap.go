package handler

// Wrap returns fn instrumented, to be passed to lambda.Start or lambda.StartWithOptions.
func Wrap(fn any, opts ...Option) any {
	c := newConfig(opts)
	c.tracker.Attach()
	return fn
}
