package handler

// XRayParent says what an X-Ray trace header without Sampled=1 means for the parent of the invocation's span. A header
// with Sampled=1 always names the parent, unless the request or a message gives another one.
type XRayParent uint8

const (
	// XRayParentIfSampled makes the span that the header names a link. The invocation's span is a root, and the
	// sampler decides. In PassThrough mode Lambda sends Sampled=0 although nothing decided so. This is the default.
	XRayParentIfSampled XRayParent = iota

	// XRayParentAlways makes it the parent, as if the header said Sampled=1: the invocation is in X-Ray's trace, and a
	// parent-based sampler records it. It is for functions in PassThrough mode whose logs or neighbors know the trace
	// by X-Ray's id. The parent is a span that may never be recorded.
	XRayParentAlways

	// XRayParentWithDecision makes it the parent with X-Ray's decision: with Sampled=0, a parent-based sampler drops
	// the invocation's spans as X-Ray drops its own. A header without a decision stays a link. It is for functions in
	// Active mode; in PassThrough mode it drops every trace.
	XRayParentWithDecision
)

// WithXRayParent sets the rule for X-Ray trace headers that do not say Sampled=1. Default, also for an unknown mode:
// [XRayParentIfSampled].
func WithXRayParent(mode XRayParent) Option {
	return optionFunc(func(c *config) { c.xrayParent = mode })
}

// WithMessageParent makes the span context of a message the parent of the invocation's span if the event is a batch of
// one, together with its baggage. The link to it stays. A message whose X-Ray header (such as AWSTraceHeader of SQS)
// does not say Sampled=1 follows [WithXRayParent].
//
// Default: links only, and the parent is Lambda's own span if X-Ray records that. It is for queues that deliver one
// message at a time, so that a trace continues through the queue.
func WithMessageParent() Option {
	return optionFunc(func(c *config) { c.messageParent = true })
}
