package platform

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// FunctionFailed is a function's own refusal: the fault's name, and its message.
type FunctionFailed struct {
	Function string
	Name     string `json:"errorType"`
	Message  string `json:"errorMessage"`
}

func (f *FunctionFailed) Error() string {
	return fmt.Sprintf("%s: %s: %s", f.Function, f.Name, f.Message)
}

// Invoke calls a function that is no step of a runbook, "register-tenant", and decodes what it answers. The error is a
// *FunctionFailed where the function itself failed.
func (p *Platform) Invoke(ctx context.Context, function string, payload, answer any) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	out, err := lambda.NewFromConfig(p.AWS).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("pmdr-" + function), Payload: text})
	switch {
	case err != nil:
		return err
	case out.FunctionError != nil:
		failed := &FunctionFailed{Function: function}
		if err := json.Unmarshal(out.Payload, failed); err != nil {
			return fmt.Errorf("%s: %s", function, out.Payload)
		}
		return failed
	}
	return json.Unmarshal(out.Payload, answer)
}

// SetAutomation calls the stop switch.
func (p *Platform) SetAutomation(ctx context.Context, s tenant.Setting) error {
	return p.Invoke(ctx, "set-automation", s, &s)
}
