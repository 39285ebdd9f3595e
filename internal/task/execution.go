package task

import (
	"errors"
	"time"
)

// Execution says which run of which state machine a step works for. State machines fill it from their context object
// ($$.Execution.Id, $$.Execution.StartTime, $$.State.Name), which no caller can forge.
type Execution struct {
	ARN       string    `json:"arn"`
	StartedAt time.Time `json:"started_at"`
	State     string    `json:"state"`
}

// Validate refuses an execution that does not say which run it is: deterministic ids are made from it.
func (e Execution) Validate() error {
	switch {
	case e.ARN == "":
		return errors.New("execution.arn is missing")
	case e.StartedAt.IsZero():
		return errors.New("execution.started_at is missing")
	case e.State == "":
		return errors.New("execution.state is missing")
	}
	return nil
}
