//go:build platform

package lint

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The scanner finds what it is there for, in a resource of the real template, and nothing in the template as it is.
func TestAnOpenBucketIsFound(t *testing.T) {
	template, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := filepath.Abs(cmp.Or(os.Getenv("PMDR_CACHE"), "../../../.cache"))
	if err != nil {
		t.Fatal(err)
	}
	c := checkout{root: t.TempDir(), cache: cache}
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(c.root, "template.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(string(template))
	if err := c.policies(t.Context()); err != nil {
		t.Fatalf("the template: %v", err)
	}
	const shut, rotates = "BlockPublicAcls: true", "EnableKeyRotation: true"
	spoiled := strings.Replace(strings.Replace(string(template), shut, "BlockPublicAcls: false", 1), rotates, "EnableKeyRotation: false", 1)
	write(spoiled)
	err = c.policies(t.Context())
	for _, want := range []string{"CKV_AWS_53", "Backups", "CKV_AWS_7", "BackupKey"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("an open bucket and a key that stays the same: no word of %s in %v", want, err)
		}
	}
}
