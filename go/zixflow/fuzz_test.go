package zixflow_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"zixflow.example/go/zixflow"
)

// A customer's name comes out of the composed JSON as it went in, or is refused
// for what it is.
func FuzzCustomerName(f *testing.F) {
	for _, name := range []string{`"Zoë" \ O'Neil`, "line\nbreak\ttab\x01\x1f\x7f", "👩‍👩‍👧", "\u2028\u202e\ufeff", "a\x00b", "\xff", "\xed\xa0\x80", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		greeting := message()
		greeting.Body = "Hi " + name
		text, err := zixflow.Compose(greeting)

		var refused *zixflow.Error
		switch length := utf8.RuneCountInString(greeting.Body); {
		case strings.Contains(name, "\x00") || !utf8.ValidString(name):
			failure(t, err, zixflow.StatusInvalidArgument)
		case length > 1024:
			failure(t, err, zixflow.StatusInvalidMessage)
		case errors.As(err, &refused):
			t.Fatalf("%q was refused: %v", name, err)
		default:
			var composed struct {
				Interactive struct{ Body struct{ Text string } }
			}
			if err := json.Unmarshal(text, &composed); err != nil {
				t.Fatal(err)
			}
			if got := composed.Interactive.Body.Text; got != greeting.Body {
				t.Errorf("%q came out as %q", greeting.Body, got)
			}
		}
	})
}
