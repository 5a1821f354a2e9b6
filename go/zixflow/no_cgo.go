//go:build !cgo

package zixflow

// The compiler prints this line where cgo is off. The other files are left out then.
var _ int = "zixflow calls a C library: install a C compiler and set CGO_ENABLED=1"
