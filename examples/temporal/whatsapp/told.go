package whatsapp

import "cmp"

// told is what post-backs have told of a message. Adding one that was added before
// changes nothing, and nor does their order: Zixflow promises neither once nor in order.
// Only after [Failed] none is waited for, for WhatsApp tells nothing more.
type told struct {
	any       bool // even one whose status is not known says that the message was queued
	rank      int
	hasFailed bool
	remark    string
	requestID string
}

func (t *told) add(postBack PostBack) {
	t.any = true
	t.rank = max(t.rank, postBack.Rank)
	t.requestID = cmp.Or(t.requestID, postBack.RequestID)
	if postBack.IsFailure {
		t.hasFailed = true
		t.remark = max(t.remark, postBack.Remark) // of several, the same one in any order
	}
}

// says tells whether nothing more needs to be waited for.
func (t *told) says(until Outcome) bool {
	return t.rank >= until.rank() || t.outcome() == Failed
}

// outcome is the highest: what a phone has shown, no later failure takes back.
func (t *told) outcome() Outcome {
	for _, outcome := range []Outcome{Clicked, Read, Delivered} {
		if t.rank >= outcome.rank() {
			return outcome
		}
	}
	if t.hasFailed {
		return Failed
	}
	return Unconfirmed
}

// rank is the one that the library gives a post-back of that status.
func (o Outcome) rank() int {
	switch o {
	case Delivered:
		return 2
	case Read:
		return 3
	case Clicked:
		return 4
	}
	return 0
}
