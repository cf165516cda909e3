package trigger

import "github.com/epilogue-go/epilogue/handler/internal/event"

var (
	envelopeMembers = []string{"Type", "TopicArn", "MessageAttributes", "Message", "detail-type", "source", "detail"}
	detailMembers   = []string{"detail-type", "source", "detail"}
)

// openEnvelope looks into the body of a message, which SNS or EventBridge may have sent: it is the JSON text of an SNS message
// (Amazon SNS Developer Guide, "Raw message delivery") or of an event. It returns the topic and the members that may have a
// span context. A body is decoded once, and once more for an event within an SNS message.
func openEnvelope(body event.Value) (topic, members event.Value) {
	if !body.Mentions("TopicArn", "detail-type") {
		return event.Value{}, event.Value{}
	}
	e := body.Embedded().Select(envelopeMembers...)
	if topic = e.Get("TopicArn"); topic.Present() && e.Get("Type").Is("Notification") {
		members = e.Get("MessageAttributes")
		if members.Empty() {
			members = eventDetail(e.Get("Message"))
		}
		return topic, members
	}
	return event.Value{}, detailOf(&e)
}

// eventDetail returns the detail of an EventBridge event in the text of a message.
func eventDetail(message event.Value) event.Value {
	if !message.Mentions("detail-type") {
		return event.Value{}
	}
	e := message.Embedded().Select(detailMembers...)
	return detailOf(&e)
}

// detailOf returns the detail of an EventBridge event; absent for any other object.
func detailOf(e *event.Object) event.Value {
	detail := e.Get("detail")
	if !e.Get("detail-type").Present() || !e.Get("source").Present() || !detail.IsObject() {
		return event.Value{}
	}
	return detail
}
