package trigger

import "github.com/epilogue-go/epilogue/handler/internal/event"

// document is an event with the members that sources have in common.
type document struct {
	event.Object              // with the members that the table names
	context      event.Object // requestContext, of HTTP requests
	records      event.Value  // the event's records, or the event itself if it is a list, as EventBridge Pipes send it
	recordSource string       // the eventSource of the first record
}

func newDocument(e event.Value) *document {
	d := &document{Object: e.Select(topLevel()...)}
	if d.records = d.Get("Records"); e.IsList() {
		d.records = e
	}
	if d.records.Present() {
		first := d.records.First().Select("eventSource", "EventSource") // SNS writes it in the second way
		d.recordSource = first.Get("eventSource").Or(first.Get("EventSource")).Text()
	}
	if context := d.Get("requestContext"); context.IsObject() {
		d.context = context.Select(contextMembers...)
	}
	return d
}

// detect returns the source that the event tells.
func (d *document) detect() Source {
	for i, s := range known {
		if s.is != nil && s.is(d) {
			return RESTAPI + Source(i)
		}
	}
	return Other
}
