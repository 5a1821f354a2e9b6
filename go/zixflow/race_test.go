//go:build race

package zixflow_test

const raceDetector = true
