// Command first sends one message, with the credentials in the environment.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"zixflow.example/go/zixflow"
)

func main() {
	if err := send(); err != nil {
		log.Fatal(err)
	}
}

func send() error {
	client, err := zixflow.New(os.Getenv("ZIXFLOW_API_KEY"), os.Getenv("ZIXFLOW_WORKSPACE_ID"))
	if err != nil {
		return err
	}
	defer client.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	receipt, err := client.Send(ctx, zixflow.ReplyButtons{
		Recipient: "15550100001",
		PhoneID:   "1234567890",
		Body:      `Hi "Zoë", is 6 pm fine?`,
		Buttons:   []zixflow.Button{{ID: "yes", Title: "Yes"}, {ID: "no", Title: "No"}},
	})
	if err != nil {
		return err
	}
	fmt.Println("queued as", receipt.RequestID)
	return nil
}
