//go:build platform

package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The validator finds what only it looks for: a state that leads nowhere.
func TestAMachineThatLeadsNowhereIsFound(t *testing.T) {
	c := checkout{root: t.TempDir(), cache: t.TempDir()}
	folder := filepath.Join(c.root, "statemachines")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(next string) {
		text := `{"StartAt": "Ask", "States": {
			"Ask": {"Type": "Task", "Resource": "${AskFunctionArn}", "Next": "` + next + `"},
			"Succeeded": {"Type": "Succeed"}}}`
		if err := os.WriteFile(filepath.Join(folder, "ask.asl.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("Succeeded")
	if err := c.machines(t.Context()); err != nil {
		t.Fatalf("a sound machine is refused: %v", err)
	}
	write("Nowhere")
	if err := c.machines(t.Context()); err == nil || !strings.Contains(err.Error(), "Nowhere") {
		t.Errorf("a state leads nowhere, and the validator says: %v", err)
	}
}
