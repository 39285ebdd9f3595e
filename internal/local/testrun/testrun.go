// Package testrun runs the tests in layers, the quick ones first, shows what failed, and closes with one line that
// counts.
package testrun

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/progress"
)

// Layer is one `go test`.
type Layer struct {
	Name string
	// Dir is the module's folder.
	Dir string
	// Args follow `go test -json`.
	Args []string
}

// Count is how many tests, subtests included, passed and failed. What did not compile counts as one failure.
type Count struct{ Passed, Failed int }

// Run runs a layer and adds to the count. The error is about running, not about failed tests.
func (c *Count) Run(ctx context.Context, l Layer, say *progress.Printer) error {
	started, before := time.Now(), *c
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, l.Args...)...)
	cmd.Dir = l.Dir
	cmd.Stderr = say
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := c.read(out, say)
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		if c.Failed == before.Failed { // it failed, and no test said so
			c.Failed++
		}
		err = nil
	}
	say.Linef("  %-10s %d passed, %d failed, %.0f s", l.Name, c.Passed-before.Passed, c.Failed-before.Failed, time.Since(started).Seconds())
	return errors.Join(readErr, err)
}

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	Key, Value string // of an attribute
}

// figure is the attribute (testing.T.Attr) in which a test says what it counted: that is shown also when it passes.
const figure = "figure"

// read counts, and keeps the output of every test until its result is known: only failures and figures are shown.
func (c *Count) read(r io.Reader, say *progress.Printer) error {
	held := map[string]*strings.Builder{}
	failedTests := map[string]bool{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			say.Linef("%s", lines.Text()) // not an event: what the tool itself says
			continue
		}
		key := e.Package + e.ImportPath + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			if held[key] == nil {
				held[key] = &strings.Builder{}
			}
			held[key].WriteString(e.Output)
		case "attr":
			if e.Key == figure {
				say.Linef("  %s", e.Value)
			}
		case "pass":
			if e.Test != "" {
				c.Passed++
			}
			delete(held, key)
		case "skip":
			delete(held, key)
		case "fail", "build-fail":
			if e.Test != "" || e.Action == "build-fail" || !failedTests[e.Package] {
				c.Failed++
			}
			failedTests[e.Package] = true
			if b := held[key]; b != nil {
				say.Linef("--- %s %s\n%s", e.Package+e.ImportPath, e.Test, strings.TrimRight(b.String(), "\n"))
			}
			delete(held, key)
		}
	}
	return lines.Err()
}

// PlatformPackages names the packages below root that have tests of the platform layer.
func PlatformPackages(root string) ([]string, error) {
	var packages []string
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != filepath.Join(root, "internal") {
				if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
					return filepath.SkipDir // another module
				}
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(content), "//go:build platform\n") {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		if p := "./" + filepath.ToSlash(rel); len(packages) == 0 || packages[len(packages)-1] != p {
			packages = append(packages, p)
		}
		return nil
	})
	return packages, err
}

// Verdict prints the closing line, and is an error if anything failed or nothing ran.
func (c Count) Verdict(say *progress.Printer) error {
	say.Linef("\n%d passed, %d failed", c.Passed, c.Failed)
	switch {
	case c.Failed > 0:
		return fmt.Errorf("%d tests failed", c.Failed)
	case c.Passed == 0:
		return errors.New("no test ran")
	}
	return nil
}
