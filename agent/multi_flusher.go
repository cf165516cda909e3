package agent

import "github.com/epilogue-go/epilogue/agent/internal/members"

// The agent calls every Flusher as a member, by the same methods.
var _ Pipeline = members.Pipeline(nil)

// MultiFlusher joins several flushers, such as traces and metrics of different libraries. It ignores nil flushers, so
// MultiFlusher() flushes nothing.
//
// It calls its members in the order given, one after another, whether or not an earlier one fails. Each may use the
// time that is left, less 100 ms for each member after it, or less their equal share if that is shorter. A member whose
// ForceFlush timed out twice in a row gets 100 ms until it succeeds. Errors name the member: by the name that [Named]
// gave it, or else by its type.
//
// A member that does not return in time is abandoned, and its ForceFlush is not called again before it has returned.
// Members that are a [Pipeline] are used as such by [Start].
func MultiFlusher(flushers ...Flusher) Flusher {
	var all members.List
	for _, f := range flushers {
		all = all.With(f)
	}
	return all
}

// Named gives a member of a [MultiFlusher] the name that its errors carry.
func Named(name string, f Flusher) Flusher {
	if f == nil {
		return nil
	}
	return members.Named{Flusher: f, Name: name}
}
