// Command driver does what driver.c does, through the Go package.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"zixflow.example/go/zixflow"
)

func main() {
	client, err := zixflow.New("sandbox-key", "sandbox-workspace",
		zixflow.WithBaseURL(os.Args[1]), zixflow.WithTimeout(5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	fields := strings.Split(string(file), "\x00")
	for len(fields) > 1 {
		recipient, name := fields[0], fields[1]
		fields = fields[2:]
		_, err := client.Send(context.Background(), zixflow.ReplyButtons{
			Recipient:    recipient,
			PhoneID:      "1234567890",
			Header:       &zixflow.Header{Type: zixflow.HeaderText, Content: name},
			Body:         "Hi " + name,
			Footer:       "Answer\n\twith a tap \xf0\x9f\x91\x8b",
			Buttons:      []zixflow.Button{{ID: "yes", Title: `Yes "please"`}, {ID: "no", Title: `No \ never`}},
			PostBackURL:  "https://192.0.2.1/changes?of=status",
			PostBackData: name,
		})
		fmt.Println("ZX_" + strings.ToUpper(status(err).String()))
	}
}

func status(err error) zixflow.Status {
	var failure *zixflow.Error
	if errors.As(err, &failure) {
		return failure.Status
	}
	return zixflow.StatusOK
}
