//go:build zixflow_static

package zixflow

// #cgo pkg-config: zixflow-static
import "C"
