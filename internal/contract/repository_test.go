package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository, seen from this package.
const root = "../.."

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// names lists what matches the pattern, by base name without the suffix.
func names(t *testing.T, pattern, suffix string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("nothing matches %s", pattern)
	}
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(path), suffix)
	}
	return paths
}

// steps are the folders of functions/: "snapshot-vault".
func steps(t *testing.T) []string { return names(t, "functions/*", "") }

// runbooks are the files of statemachines/: "vault-backup".
func runbooks(t *testing.T) []string { return names(t, "statemachines/*", ".asl.json") }

// title is a folder's name as resources and states spell it: "SnapshotVault".
func title(kebab string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(kebab, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// kebab is the way back.
func kebab(title string) string {
	var b strings.Builder
	for i, r := range title {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}
