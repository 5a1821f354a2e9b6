package zixflow

// #include <zixflow.h>
import "C"

import (
	"fmt"
	"strings"
)

// Status says what became of a message. zixflow.h tells of each in full.
type Status int32

const (
	StatusOK              Status = C.ZX_OK               // accepted and queued
	StatusInvalidArgument Status = C.ZX_INVALID_ARGUMENT // not sent: a bad credential, option or string
	StatusInvalidMessage  Status = C.ZX_INVALID_MESSAGE  // not sent: the message breaks a rule
	StatusUnauthorized    Status = C.ZX_UNAUTHORIZED     // not queued: wrong credentials
	StatusRejected        Status = C.ZX_REJECTED         // not queued: the API said so
	StatusBusy            Status = C.ZX_BUSY             // not queued: turned away for now
	StatusNotSent         Status = C.ZX_NOT_SENT         // not queued: the API cannot have received it
	StatusOutcomeUnknown  Status = C.ZX_OUTCOME_UNKNOWN  // perhaps queued: no response settles it
	StatusInternal        Status = C.ZX_INTERNAL         // perhaps queued: a bug in the library
)

// String returns the status's name as replies spell it, such as "not_sent".
func (s Status) String() string {
	return strings.ToLower(strings.TrimPrefix(C.GoString(C.zx_status_name(C.zx_status(s))), "ZX_"))
}

// MarshalText makes String the form in JSON and logs.
func (s Status) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (s *Status) UnmarshalText(name []byte) error {
	for status := StatusOK; status <= StatusInternal; status++ {
		if status.String() == string(name) {
			*s = status
			return nil
		}
	}
	return fmt.Errorf("zixflow: no status is named %q", name)
}
