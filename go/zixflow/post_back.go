package zixflow

// #include <zixflow.h>
import "C"

import (
	"encoding/json"
	"time"
)

// PostBack is what Zixflow posts to a message's PostBackURL when the message's
// status changes. A text that did not come is empty; only RequestID and Status are
// sure to be there.
type PostBack struct {
	WorkspaceID  string
	Type         string
	MessageID    string // all of its digits, where it came as a number
	RequestID    string // the Receipt's, where there was one
	Channel      string
	Recipient    string
	Status       string // sent, delivered, read, clicked, failed, or one that is new
	Remark       string
	StatusAt     string    // as it came
	Time         time.Time // StatusAt to the millisecond, in UTC; zero where that is no time
	PostBackData string    // the message's

	// Rank is 1 of sent, 2 of delivered, 3 of read, 4 of clicked and 0 of any other
	// status. Post-backs come in any order: take one only if its rank is higher than
	// the last one's.
	Rank      int
	IsFailure bool   // the status is failed
	Key       string // what to remember against a post-back that comes twice

	// Of Client.Settle, and of a PostBackHandler that settles: whether an unknown outcome
	// became known by it, and the key of the ledger's entry that it is about, if there is one.
	Settled        bool
	IdempotencyKey string

	// JSON is all that came, with what the library adds: see zx_read_post_back.
	JSON []byte
}

// ReadPostBack reads the body of a post-back, of at most 1 MiB. The error is an
// [*Error], which has [StatusInvalidMessage] and every problem where the body is
// no post-back.
//
// Post-backs are not signed: see [PostBackHandler].
func ReadPostBack(body []byte) (PostBack, error) {
	var lent texts
	defer lent.free()
	text := lent.lend("the post-back", string(body))
	if err := lent.err(); err != nil {
		return PostBack{}, err
	}
	var out *C.char
	status := Status(C.zx_read_post_back(text, &out))
	read := take(out)
	if status == StatusOK && read == nil {
		status = StatusInternal
	}
	if status != StatusOK {
		_, err := parseReply(status, read).outcome()
		return PostBack{}, err
	}
	postBack, err := parsePostBack(read)
	if err != nil {
		return PostBack{}, &Error{Status: StatusInternal, Message: "The library's post-back cannot be read: " + err.Error()}
	}
	return postBack, nil
}

// parsePostBack takes each field by exactly its name. Into a struct, encoding/json
// would also take "STATUS", which anyone may add.
func parsePostBack(text []byte) (PostBack, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return PostBack{}, err
	}
	postBack := PostBack{JSON: text}
	var milliseconds *int64
	for name, field := range map[string]any{
		"workspace_id":   &postBack.WorkspaceID,
		"type":           &postBack.Type,
		"message_id":     &postBack.MessageID,
		"request_id":     &postBack.RequestID,
		"channel":        &postBack.Channel,
		"recipient":      &postBack.Recipient,
		"status":         &postBack.Status,
		"remark":         &postBack.Remark,
		"status_at":      &postBack.StatusAt,
		"post_back_data": &postBack.PostBackData,
		"status_at_ms":   &milliseconds,
		"rank":           &postBack.Rank,
		"is_failure":     &postBack.IsFailure,
		"key":            &postBack.Key,
	} {
		if value, ok := members[name]; ok {
			if err := json.Unmarshal(value, field); err != nil {
				return PostBack{}, err
			}
		}
	}
	if milliseconds != nil {
		postBack.Time = time.UnixMilli(*milliseconds).UTC()
	}
	return postBack, nil
}
