package zixflow

/*
#include <stdlib.h>
#include <zixflow.h>
*/
import "C"

import (
	"strings"
	"unsafe"
)

// texts lends Go strings to C, until free.
type texts struct {
	lent []*C.char
	nul  string // the name of the first string that C would cut short at a NUL
}

func (t *texts) lend(name, text string) *C.char {
	if t.nul == "" && strings.IndexByte(text, 0) >= 0 {
		t.nul = name
	}
	lent := C.CString(text)
	t.lent = append(t.lent, lent)
	return lent
}

// lendOptional lends NULL for an empty string.
func (t *texts) lendOptional(name, text string) *C.char {
	if text == "" {
		return nil
	}
	return t.lend(name, text)
}

// err must be asked before C is given what was lent.
func (t *texts) err() *Error {
	if t.nul == "" {
		return nil
	}
	return holdsNUL(t.nul)
}

func holdsNUL(name string) *Error {
	return invalidArgument(name + " holds a NUL character, at which C would cut it short. Remove it.")
}

func (t *texts) free() {
	for _, lent := range t.lent {
		C.free(unsafe.Pointer(lent))
	}
}

// take copies a string that the library handed out, and releases it. It returns
// nil for NULL, which the library hands out where it has no memory for a string.
func take(text *C.char) []byte {
	if text == nil {
		return nil
	}
	defer C.zx_free(unsafe.Pointer(text))
	return []byte(C.GoString(text))
}
