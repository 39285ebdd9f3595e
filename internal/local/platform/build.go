package platform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/local/engine"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
	"github.com/penguinmails/disaster-recovery/internal/local/tool"
)

// goFlags are those of a function's binary: static, without Lambda's old RPC mode, paths and symbols.
func goFlags() []string {
	flags := strings.TrimSpace(os.Getenv("GOFLAGS") + " -tags=lambda.norpc -trimpath -ldflags=-s")
	return []string{"CGO_ENABLED=0", "GOFLAGS=" + flags}
}

// builtDir is where the build of the present sources lies, or will.
func (t Tools) builtDir() (dir string, there bool, err error) {
	sum, err := sources(t.Root)
	if err != nil {
		return "", false, err
	}
	dir = filepath.Join(t.Cache, "build", sum)
	_, err = os.Stat(filepath.Join(dir, "template.yaml"))
	return dir, err == nil, nil
}

// compile fills Go's build cache with what the functions are made of. `sam build` starts one compiler per function at
// once, and from an empty cache each of them would compile the AWS SDK for itself.
func (t Tools) compile(ctx context.Context, say *progress.Printer) error {
	if _, there, err := t.builtDir(); there || err != nil {
		return err
	}
	return say.Step("compile the functions", func() error {
		_, err := tool.Run(ctx, t.Root, goFlags(), "go", "list", "-export", "-deps", "-f", "{{.Name}}", "./functions/...")
		return err
	})
}

// Build runs `sam build` and returns the folder with the built template. A build of the very same sources is used again.
func (t Tools) Build(ctx context.Context, say *progress.Printer) (string, error) {
	dir, there, err := t.builtDir()
	if there || err != nil {
		return dir, err
	}
	if err := forgetOldBuilds(filepath.Dir(dir)); err != nil {
		return "", err
	}
	work := fmt.Sprintf("%s.%d", dir, os.Getpid())
	env := append(goFlags(), "AWS_DEFAULT_REGION="+engine.Region)
	err = say.Step("package the functions (sam build)", func() error {
		return t.SAM.Run(ctx, t.Root, env, "build", "--build-dir", work, "--parameter-overrides", "Arch="+architecture())
	})
	if err != nil {
		return "", err
	}
	return dir, os.Rename(work, dir)
}

// keptBuilds is how many builds stay: those of the last few edits, each some 100 MB.
const keptBuilds = 2

func forgetOldBuilds(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	for len(entries) > keptBuilds {
		oldest := 0
		for i, e := range entries {
			if older(e, entries[oldest]) {
				oldest = i
			}
		}
		if err := os.RemoveAll(filepath.Join(dir, entries[oldest].Name())); err != nil {
			return err
		}
		entries = append(entries[:oldest], entries[oldest+1:]...)
	}
	return nil
}

func older(a, b fs.DirEntry) bool {
	ai, aErr := a.Info()
	bi, bErr := b.Info()
	return aErr == nil && bErr == nil && ai.ModTime().Before(bi.ModTime())
}

// sources is the digest of everything that `sam build` reads.
func sources(root string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOARCH)
	for _, top := range []string{"go.mod", "go.sum", "template.yaml", "functions", "internal", "statemachines"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			if rel == filepath.Join("internal", "local") {
				return fs.SkipDir // the platform itself is not deployed
			}
			if d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(hash, "%s %d\n", rel, len(content))
			hash.Write(content)
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}
