package notice

import (
	"fmt"
	"strings"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/task"
)

// letter is a notice before it is written out.
type letter struct {
	subject  string
	happened string // a sentence or three
	facts    []fact
	next     string // the one next command or action
}

// fact is one line: what it is, and its value. Without a name it goes on with the one before.
type fact struct{ name, value string }

// write lays the letter out. SNS may deliver it twice, so every letter names its execution, and the text of a repeated
// step is the same to the last character: it holds no time but those of the request.
func (l letter) write(x task.Execution) string {
	l.facts = append(l.facts,
		fact{"Execution", oneLine(x.ARN)},
		fact{"Started", x.StartedAt.UTC().Format(time.RFC3339)})
	return l.text()
}

// text lays out a letter as it is.
func (l letter) text() string {
	var b strings.Builder
	b.WriteString(l.happened + "\n\n")
	for _, f := range l.facts {
		if f.name != "" {
			f.name += ":"
		}
		fmt.Fprintf(&b, "%-22s %s\n", f.name, f.value)
	}
	fmt.Fprintf(&b, "\nNext: %s\n", l.next)
	return b.String()
}
