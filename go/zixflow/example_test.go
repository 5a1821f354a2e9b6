package zixflow_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"zixflow.example/go/zixflow"
)

func ExampleClient_Send() {
	endpoint := httptest.NewServer(http.HandlerFunc(accept)) // in place of Zixflow
	defer endpoint.Close()

	client, err := zixflow.New("API key", "workspace ID", zixflow.WithBaseURL(endpoint.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	receipt, err := client.Send(ctx, zixflow.ReplyButtons{
		Recipient: "919876543210",
		PhoneID:   "1234567890",
		Header:    &zixflow.Header{Type: zixflow.HeaderImage, Content: "https://example.com/table.jpg"},
		Body:      "Is 6 pm fine?",
		Buttons:   []zixflow.Button{{ID: "yes", Title: "Yes"}, {ID: "no", Title: "No"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("queued as", receipt.RequestID)
	// Output: queued as 42
}

// What to do about a failure is in the error, whatever its status is.
func ExampleError() {
	_, err := zixflow.Compose(zixflow.ReplyButtons{
		Recipient: "+91 98765 43210",
		PhoneID:   "1234567890",
		Body:      "Is 6 pm fine?",
		Buttons:   []zixflow.Button{{ID: "yes", Title: "Yes"}},
	})
	var failure *zixflow.Error
	if errors.As(err, &failure) {
		switch {
		case failure.Retryable:
			fmt.Println("send it again in", failure.RetryAfter)
		case failure.Status == zixflow.StatusOutcomeUnknown:
			fmt.Println("look before sending it again")
		default:
			fmt.Println(failure.Status)
		}
		for _, problem := range failure.Problems {
			fmt.Println(problem.Path)
		}
	}
	// Output:
	// invalid_message
	// /recipient
}

func ExampleCheck() {
	_, err := zixflow.Check([]byte(`{"recipient": "919876543210"}`))
	var failure *zixflow.Error
	if errors.As(err, &failure) {
		for _, problem := range failure.Problems {
			fmt.Println(problem.Path)
		}
	}
	// Output:
	// /phone_id
	// /interactive
}
