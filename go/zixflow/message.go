package zixflow

// #include <zixflow.h>
import "C"

import (
	"runtime"
	"unsafe"
)

// ReplyButtons is a message with up to three buttons. An empty optional field is
// left out.
type ReplyButtons struct {
	Recipient    string  // digits only, country code first
	PhoneID      string  // of the WhatsApp Business account that sends
	Header       *Header // optional
	Body         string
	Footer       string // optional
	Buttons      []Button
	PostBackURL  string // optional: where Zixflow posts each change of the message's status
	PostBackData string // optional: handed back in those notifications
}

// Header stands above the body.
type Header struct {
	Type     HeaderType
	Content  string // the text; or a medium's link (http:// or https://), else its ID
	Filename string // optional: what the customer sees a document called
}

// HeaderType is the kind of a [Header].
type HeaderType string

const (
	HeaderText     HeaderType = "text"
	HeaderImage    HeaderType = "image"
	HeaderVideo    HeaderType = "video"
	HeaderDocument HeaderType = "document"
)

// Button is a choice that the customer can tap.
type Button struct {
	ID    string // comes back when it is tapped
	Title string // what the customer reads
}

// Compose returns the message as checked JSON, which [Client.SendJSON] takes. The
// error is an [*Error] with every problem.
func Compose(message ReplyButtons) ([]byte, error) {
	text, err := compose(message)
	if err != nil {
		return nil, err
	}
	return take(text), nil
}

// compose returns the JSON as the library handed it out, to be released by zx_free.
func compose(message ReplyButtons) (*C.char, *Error) {
	var lent texts
	defer lent.free()

	buttons := make([]C.zx_button, len(message.Buttons))
	for i, button := range message.Buttons {
		buttons[i].id = lent.lend("a button's ID", button.ID)
		buttons[i].title = lent.lend("a button's title", button.Title)
	}
	composed := C.zx_reply_buttons{
		size:           C.sizeof_zx_reply_buttons,
		recipient:      lent.lend("Recipient", message.Recipient),
		phone_id:       lent.lend("PhoneID", message.PhoneID),
		body:           lent.lend("Body", message.Body),
		footer:         lent.lendOptional("Footer", message.Footer),
		button_count:   C.size_t(len(buttons)),
		post_back_url:  lent.lendOptional("PostBackURL", message.PostBackURL),
		post_back_data: lent.lendOptional("PostBackData", message.PostBackData),
	}
	if message.Header != nil {
		composed.header_type = lent.lend("Header.Type", string(message.Header.Type))
		composed.header = lent.lend("Header.Content", message.Header.Content)
		composed.header_filename = lent.lendOptional("Header.Filename", message.Header.Filename)
	}
	if err := lent.err(); err != nil {
		return nil, err
	}
	// C may read Go memory through a pointer in Go memory only while that is pinned.
	var pinner runtime.Pinner
	defer pinner.Unpin()
	if len(buttons) > 0 {
		composed.buttons = unsafe.SliceData(buttons)
		pinner.Pin(composed.buttons)
	}

	var text *C.char
	status := Status(C.zx_compose_reply_buttons(&composed, &text))
	if status == StatusOK && text == nil {
		status = StatusInternal
	}
	if status != StatusOK {
		_, err := parseReply(status, take(text)).outcome()
		return nil, err
	}
	return text, nil
}

// Check checks a message's JSON by the rules that a send applies, and sends
// nothing. The error is an [*Error] with every problem. The warnings, with an
// error or without, are of what is valid, but probably not intended, such as a
// misspelt key.
func Check(message []byte) (warnings []Problem, err error) {
	var lent texts
	defer lent.free()
	text := lent.lend("the message", string(message))
	if err := lent.err(); err != nil {
		return nil, err
	}
	var report *C.char
	status := C.zx_check_reply_buttons(text, &report)
	reply := parseReply(Status(status), take(report))
	if _, err := reply.outcome(); err != nil {
		return reply.Warnings, err
	}
	return reply.Warnings, nil
}

// Schema returns the JSON Schema of a message's JSON.
func Schema() string {
	return C.GoString(C.zx_reply_buttons_schema())
}

// OptionsSchema returns the JSON Schema of the options that [New] takes, as the
// library knows them.
func OptionsSchema() string {
	return C.GoString(C.zx_client_options_schema())
}
