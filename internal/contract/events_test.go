package contract

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recorded lists the files of events/: "snapshot-vault.json", "vault-backup/nightly.json".
func recorded(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(filepath.Join(root, "events")), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Every recorded input is that of a step or of a runbook, and is taken by it as it stands.
func TestEveryRecordedInputIsTaken(t *testing.T) {
	for _, file := range recorded(t) {
		folder, name := filepath.Split(file)
		step := strings.TrimSuffix(name, ".json")
		takes := requests[strings.TrimSuffix(folder, "/")]
		if folder == "" {
			takes = payloads[step].accepts
		}
		switch {
		case takes == nil || step == name:
			t.Errorf("events/%s belongs to no step and to no runbook", file)
		default:
			if err := takes(read(t, "events/"+file)); err != nil {
				t.Errorf("events/%s: %v", file, err)
			}
		}
	}
}

// Every step and every runbook can be tried by hand with an input that was recorded.
func TestEveryStepHasARecordedInput(t *testing.T) {
	files := recorded(t)
	for _, step := range steps(t) {
		if !slices.Contains(files, step+".json") {
			t.Errorf("events/%s.json is missing", step)
		}
	}
	for _, runbook := range runbooks(t) {
		if !slices.ContainsFunc(files, func(file string) bool { return strings.HasPrefix(file, runbook+"/") }) {
			t.Errorf("events/%s/ holds no start input", runbook)
		}
	}
}
