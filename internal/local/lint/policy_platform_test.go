//go:build platform

package lint

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The scanner finds what it is there for in the real template, spoiled, and nothing beside it.
func TestAnOpenBucketIsFound(t *testing.T) {
	template, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := filepath.Abs(cmp.Or(os.Getenv("PMDR_CACHE"), "../../../.cache"))
	if err != nil {
		t.Fatal(err)
	}
	spoiled := string(template)
	for sound, bad := range map[string]string{
		"BlockPublicAcls: true":   "BlockPublicAcls: false",
		"EnableKeyRotation: true": "EnableKeyRotation: false",
	} {
		if !strings.Contains(spoiled, sound) {
			t.Fatalf("the template has no %s", sound)
		}
		spoiled = strings.Replace(spoiled, sound, bad, 1)
	}
	c := checkout{root: t.TempDir(), cache: cache}
	if err := os.WriteFile(filepath.Join(c.root, "template.yaml"), []byte(spoiled), 0o600); err != nil {
		t.Fatal(err)
	}
	err = c.policies(t.Context())
	if err == nil {
		t.Fatal("nothing is found")
	}
	for _, want := range []string{"Failed checks: 2,", "CKV_AWS_53", "Backups", "CKV_AWS_7:", "BackupKey"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in %v", want, err)
		}
	}
}
