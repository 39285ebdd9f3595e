package lint

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/penguinmails/disaster-recovery/internal/local/tool"
)

// The validator with everything it needs, each package with the hash of its content and without the place it comes from:
// npm asks whichever registry it is configured for. To change it, edit package.json and run in that folder:
// npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved
var (
	//go:embed asl/package.json
	aslPackage []byte
	//go:embed asl/package-lock.json
	aslLock []byte
)

// machines holds every state machine against the States Language. Neither sam nor cfn-lint look inside a definition file.
func (c checkout) machines(ctx context.Context) error {
	validator, err := installValidator(ctx, c.cache)
	if err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(c.root, "statemachines", "*.asl.json"))
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return fmt.Errorf("no state machine in %s", c.root)
	}
	filled, err := os.MkdirTemp("", "asl-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(filled)
	var args []string
	for _, path := range paths {
		definition, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := filepath.Base(path)
		if err := os.WriteFile(filepath.Join(filled, name), fill(definition), 0o600); err != nil {
			return err
		}
		args = append(args, "--json-path", name)
	}
	_, err = tool.Run(ctx, filled, nil, validator, args...)
	return err
}

var substitution = regexp.MustCompile(`\$\{(\w+)\}`)

// fill puts an ARN in the place of every substitution, as a deployment would.
func fill(definition []byte) []byte {
	return substitution.ReplaceAll(definition, []byte("arn:aws:lambda:us-east-1:123456789012:function:$1"))
}

// installValidator makes cache/asl-key, where key stands for the lock file, and returns the program in it. It is made
// aside and moved into place when it is whole, so that of two at once either may win.
func installValidator(ctx context.Context, cache string) (string, error) {
	key := sha256.Sum256(aslLock)
	dir := filepath.Join(cache, "asl-"+hex.EncodeToString(key[:6]))
	program := filepath.Join(dir, "node_modules", ".bin", "asl-validator")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(cache, "asl-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	for name, content := range map[string][]byte{"package.json": aslPackage, "package-lock.json": aslLock} {
		if err := os.WriteFile(filepath.Join(work, name), content, 0o600); err != nil {
			return "", err
		}
	}
	if _, err := tool.Run(ctx, work, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return "", fmt.Errorf("npm ci: %w", err)
	}
	if err := os.Rename(work, dir); err != nil {
		if _, there := os.Stat(program); there != nil {
			return "", err
		}
	}
	return program, nil
}
