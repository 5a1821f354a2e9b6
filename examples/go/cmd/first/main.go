// Command first sends one message, with the credentials in the environment.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"zixflow.example/go/zixflow"
)

func main() {
	client, err := zixflow.New(os.Getenv("ZIXFLOW_API_KEY"), os.Getenv("ZIXFLOW_WORKSPACE_ID"))
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := client.Send(context.Background(), zixflow.ReplyButtons{
		Recipient: "15550100001",
		PhoneID:   "1234567890",
		Body:      `Hi "Zoë", is 6 pm fine?`,
		Buttons:   []zixflow.Button{{ID: "yes", Title: "Yes"}, {ID: "no", Title: "No"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("queued as", receipt.RequestID)
}
