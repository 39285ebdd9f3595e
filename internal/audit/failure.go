package audit

import (
	"cmp"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Failure is the error output of a failed state, as a Catch block puts it into the execution's data. Error is a fault's
// name or one of Step Functions' own (States.Timeout); Cause may be empty or absent.
type Failure struct {
	Error string `json:"Error"`
	Cause string `json:"Cause"`
}

// longestCause is how many characters of a cause are kept.
const longestCause = 1000

// Text is the cause in words. For a failed Lambda function Step Functions' Cause is a JSON text of the form
// {"errorMessage":…,"errorType":…,"stackTrace":…}, of which the message counts; any other cause is taken as it is. At
// most 1000 characters are kept.
func (f Failure) Text() string {
	text := f.Cause
	var lambda struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(f.Cause), &lambda) == nil && lambda.Message != "" {
		text = lambda.Message
	}
	text = strings.ToValidUTF8(text, "?")
	if runes := []rune(text); len(runes) > longestCause {
		text = string(runes[:longestCause-1]) + "…"
	}
	return text
}

// nextOfOthers follows an error that is no fault of ours: States.Timeout, Runtime.ExitError.
const nextOfOthers = "start the runbook again; if it fails again, read the last lines of the function's log"

// Sentence is what an operator reads of a failed execution: the name, the text, and what to do next. A step says that
// itself; a state machine that gives up, and AWS, do not.
func (f Failure) Sentence() string {
	said := f.Error + ": " + cmp.Or(f.Text(), "no text")
	if strings.Contains(said, ". Next: ") {
		return said
	}
	return strings.TrimSuffix(said, ".") + ". Next: " + cmp.Or(fault.Name(f.Error).Next(), nextOfOthers)
}
