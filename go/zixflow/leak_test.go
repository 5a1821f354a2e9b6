//go:build !race

// The race detector's own memory would drown what leaks.

package zixflow_test

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"zixflow.example/go/zixflow"
)

// Whatever was lent to C or handed out by it is released on every way out. Each
// way would lose 40 MB, if it kept one of the long strings.
func TestNothingLeaks(t *testing.T) {
	const turns = 10_000
	long := strings.Repeat("x", 4000)
	client := newClient(t, serve(t, accept))
	good, broken, nul := message(), message(), message()
	good.PostBackData, broken.PostBackData, nul.PostBackData = long, long, long
	broken.Recipient = "+"
	nul.Body = "\x00"

	for way, take := range map[string]func() error{
		"composed":         func() error { _, err := zixflow.Compose(good); return err },
		"broken message":   func() error { _, err := zixflow.Compose(broken); return err },
		"NUL in a message": func() error { _, err := zixflow.Compose(nul); return err },
		"checked":          func() error { _, err := zixflow.Check([]byte(long)); return err },
		"NUL in a check":   func() error { _, err := zixflow.Check([]byte(long + "\x00")); return err },
		"refused send": func() error {
			_, err := client.SendJSON(context.Background(), []byte(long))
			return err
		},
		"NUL in a send": func() error {
			_, err := client.SendJSON(context.Background(), []byte(long+"\x00"))
			return err
		},
		"refused client": func() error {
			_, err := zixflow.New(long, long, zixflow.WithBaseURL("ftp://localhost"))
			return err
		},
		"NUL in a client": func() error { _, err := zixflow.New(long, "\x00"); return err },
	} {
		t.Run(way, func(t *testing.T) {
			repeat := func(turns int) {
				for range turns {
					if err := take(); (err == nil) != (way == "composed") {
						t.Fatal(err)
					}
				}
			}
			repeat(turns / 10)
			before := resident(t)
			repeat(turns)
			if growth := resident(t) - before; growth > 20<<20 {
				t.Errorf("resident memory grew by %d bytes", growth)
			}
		})
	}
}

// resident returns how much memory the process has, garbage set aside.
func resident(t *testing.T) int {
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
