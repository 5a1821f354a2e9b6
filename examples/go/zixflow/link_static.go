//go:build zixflow_static

package zixflow

// #cgo pkg-config: --static zixflow
import "C"
