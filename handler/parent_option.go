package handler

// unsampledRule is what becomes of an X-Ray header that does not say Sampled=1.
type unsampledRule byte

const (
	unsampledLink   unsampledRule = iota // a link; the sampler decides as for a root
	unsampledParent                      // the parent, as if it were sampled
	unsampledStands                      // Sampled=0 is the parent's decision; where there is none, a link
)

// WithMessageParent makes the span context of a message the parent of the invocation's span where the event is a batch
// of one, along with its baggage. The link to it stays. A message whose X-Ray header (such as SQS's AWSTraceHeader)
// does not say Sampled=1 follows the rule of these headers, see [WithUnsampledParent] and [WithXRaySampling].
//
// Default: links only, and the parent is Lambda's own span, where X-Ray traces that. It is for queues that take one
// message at a time, so that a trace goes on through the queue.
func WithMessageParent() Option {
	return optionFunc(func(c *config) { c.messageParent = true })
}

// WithUnsampledParent makes the span that an X-Ray header names the parent also where the header does not say Sampled=1,
// as if it did: the invocation is in X-Ray's trace, and a parent-based sampler records it. It is for functions whose
// X-Ray mode is PassThrough, where the header says Sampled=0 though nobody decided, and whose logs or neighbours know
// the trace by X-Ray's id. That parent is a span which nobody may ever record.
//
// Default: such a header becomes a link, and the span is a root that the sampler decides on. Of this option and
// [WithXRaySampling] the later counts.
func WithUnsampledParent() Option {
	return optionFunc(func(c *config) { c.unsampled = unsampledParent })
}

// WithXRaySampling lets X-Ray's decision stand: the span that a header with Sampled=0 names is the parent, unsampled, so
// that a parent-based sampler drops the invocation's spans as X-Ray drops its own. A header without a decision stays a
// link. It is for functions whose X-Ray mode is Active; in PassThrough mode it silences the function.
//
// Default: such a header becomes a link, and the span is a root that the sampler decides on. Of this option and
// [WithUnsampledParent] the later counts.
func WithXRaySampling() Option {
	return optionFunc(func(c *config) { c.unsampled = unsampledStands })
}
