package delivery

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	// maxLargeRequests is how many requests of the largest size are in memory at once.
	maxLargeRequests = 8
	// keptBytes is the largest body buffer that is kept for the next request.
	keptBytes = 4 << 20
)

// Resources are shared by all engines of a process: the memory of request bodies, and the CPU for encoding.
type Resources struct {
	largest int64               // bytes of one request
	memory  *semaphore.Weighted // bytes of all bodies
	// encoders leaves one CPU to requests that are already encoded. Otherwise a small function would encode all of a
	// large backlog before the first request leaves, and the process could be killed before that.
	encoders *semaphore.Weighted
	bodies   sync.Pool // of *[]byte
}

// NewResources returns resources for requests of at most largest bytes.
func NewResources(largest int) *Resources {
	return &Resources{
		largest:  int64(largest),
		memory:   semaphore.NewWeighted(maxLargeRequests * int64(largest)),
		encoders: semaphore.NewWeighted(int64(max(runtime.GOMAXPROCS(0)-1, 1))),
		bodies:   sync.Pool{New: func() any { return new([]byte) }},
	}
}

// request is the memory of one request.
type request struct {
	resources *Resources
	held      int64 // bytes reserved
	buffer    *[]byte
}

// newRequest reserves memory for a request of the largest size. It waits until ctx ends.
func (r *Resources) newRequest(ctx context.Context) (*request, error) {
	if err := r.memory.Acquire(ctx, r.largest); err != nil {
		return nil, context.Cause(ctx)
	}
	buffer, _ := r.bodies.Get().(*[]byte)
	return &request{resources: r, held: r.largest, buffer: buffer}, nil
}

// encode runs fn, which appends to the request's buffer, when an encoder is free. It waits until ctx ends.
func (r *request) encode(ctx context.Context, fn func(dst []byte) []byte) error {
	if err := r.resources.encoders.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer r.resources.encoders.Release(1)
	*r.buffer = fn((*r.buffer)[:0])
	if size := int64(len(*r.buffer)); size < r.held { // no later attempt at these items is larger
		r.resources.memory.Release(r.held - size)
		r.held = size
	}
	return nil
}

// body is the encoded request.
func (r *request) body() []byte { return *r.buffer }

// release returns the memory. If the buffer may still be read by a Send that has not returned, it is not reused.
func (r *request) release(reusable bool) {
	r.resources.memory.Release(r.held)
	if reusable && cap(*r.buffer) <= keptBytes {
		r.resources.bodies.Put(r.buffer)
	}
	r.buffer = nil
}
