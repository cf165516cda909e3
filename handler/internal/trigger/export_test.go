package trigger

import "github.com/epilogue-go/epilogue/handler/internal/event"

// Tellers returns the sources that an event is of, according to their own detection.
func Tellers(payload []byte) (all []Source) {
	d := newDocument(event.JSON(payload))
	for i, s := range known {
		if s.is != nil && s.is(d) {
			all = append(all, RESTAPI+Source(i))
		}
	}
	return all
}

// Signature returns the members by which events tell a source.
func Signature(s Source) []string { return sources[s].signature }

// Types returns the types of the events package that only this source has.
func Types(s Source) []string { return sources[s].types }
