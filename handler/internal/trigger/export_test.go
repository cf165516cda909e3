package trigger

import "github.com/epilogue-go/epilogue/handler/internal/event"

// Matching returns the sources that an event is of, according to their own detection.
func Matching(payload []byte) (all []Source) {
	d := newDocument(event.JSON(payload))
	for i, s := range sources {
		if s.is != nil && s.is(d) {
			all = append(all, Source(i))
		}
	}
	return all
}
