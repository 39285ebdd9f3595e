package contract

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

var update = flag.Bool("update", false, "write docs/faults.md anew")

// The operators' list of faults is made from the code's, so that a fault at three in the morning is in the manual.
func TestEveryFaultStandsInTheManual(t *testing.T) {
	const page = "docs/faults.md"
	want := faultsPage()
	if *update {
		if err := os.WriteFile(filepath.Join(root, page), want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(read(t, page), want) {
		t.Errorf("%s is not what internal/fault says; run: go test ./internal/contract -update", page)
	}
}

func faultsPage() []byte {
	var b bytes.Buffer
	b.WriteString(`<!-- Made from internal/fault by: go test ./internal/contract -update -->
# Faults

Every way in which a runbook can fail has one of these names. It is the error of the failed step in the execution's
history, and the first word of the execution's cause, of the notice and of the audit record. The execution's own error is
its ending: ` + "`FailedClean`" + ` means that the run left nothing behind; ` + "`FailedDirty`" + ` means that something is half done: after
vault-restore a Vault that nobody has proved (a node that was empty must be wiped), after vps-recovery what its mode
` + "`clean-up`" + ` finishes or puts back, after credential-rotation and credential-compromise a password that the next run goes on
with, or people who were not told.

A step that fails with a fault marked ↻ is repeated a few times before the runbook gives up.

| Fault | What happened | Next |
|---|---|---|
`)
	for _, name := range fault.Names() {
		again := ""
		if slices.Contains(fault.Retryable(), name) {
			again = " ↻"
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s |\n", name, again, name.Meaning(), name.Next())
	}
	b.WriteString(`
A name with a dot is not the product's: ` + "`States.Timeout`" + ` is a step that did not end in time, ` + "`Lambda.…`" + `,
` + "`Runtime.…`" + ` and ` + "`Sandbox.…`" + ` are Lambda's own. Next: start the runbook again; if it fails again, read the function's
last log lines.
`)
	return b.Bytes()
}
