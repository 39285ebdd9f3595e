// Function is the Lambda of the engine's tests: it logs one line and does what its event asks.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct {
	Bytes int    // answer with a string of so many bytes
	Sleep int    // seconds to take
	Ready string // directory to leave a file in, named after the process, before sleeping
	// Records is how SNS invokes: the message is the event.
	Records []struct{ Sns struct{ Message string } }
}

func handle(_ context.Context, e event) (any, error) {
	slog.Info("invoked")
	for _, r := range e.Records {
		if err := json.Unmarshal([]byte(r.Sns.Message), &e); err != nil {
			return nil, err
		}
	}
	if e.Ready != "" {
		if err := os.WriteFile(filepath.Join(e.Ready, strconv.Itoa(os.Getpid())), nil, 0o600); err != nil {
			return nil, err
		}
	}
	time.Sleep(time.Duration(e.Sleep) * time.Second)
	if e.Bytes > 0 {
		return strings.Repeat("x", e.Bytes), nil
	}
	return os.Environ(), nil
}

func main() {
	lambda.Start(handle)
}
