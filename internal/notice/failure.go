package notice

import (
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// trouble is a failed step in words.
type trouble struct{ name, meaning, next string }

// troubleOf explains the failure of r. A fault of ours says its own sentence and its own next command; of any other
// error (States.Timeout, Lambda.Unknown) only the name is told: its text is another system's, and stays in the audit
// record and the execution's history.
func troubleOf(r Request) trouble {
	out := trouble{
		name:    "an error without a name",
		meaning: "the execution's history has its text",
		next:    "aws stepfunctions get-execution-history --reverse-order --max-results 20 --execution-arn " + oneLine(r.Execution.ARN),
	}
	if r.Fault == nil || strings.TrimSpace(r.Fault.Error) == "" {
		return out
	}
	out.name = oneLine(r.Fault.Error)
	if known := fault.Name(r.Fault.Error); known.Meaning() != "" {
		out.meaning, out.next = said(known, *r.Fault), known.Next()
	}
	return out
}

// longestMeaning is how many characters of a fault's sentence are shown: that of ApprovalRequired holds a command.
const longestMeaning = 800

// said is the public sentence of a fault: its meaning, with the detail that the step added in brackets. The message of
// a step has the form "Function: meaning (detail). Next: …"; anything else is replaced by the meaning.
func said(known fault.Name, f audit.Failure) string {
	text, _, _ := strings.Cut(f.Text(), ". Next: ")
	if at := strings.Index(text, known.Meaning()); at >= 0 {
		return cut(text[at:], longestMeaning)
	}
	return known.Meaning()
}
