package lint

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"github.com/penguinmails/disaster-recovery/internal/local/tool"
	"github.com/penguinmails/disaster-recovery/internal/local/venv"
)

// The scanner with everything it needs, each package with the hashes of its files, resolved for Python 3.11 (pip-compile
// --generate-hashes), and which of its rules hold here.
var (
	//go:embed checkov/requirements.txt
	checkovRequirements []byte
	//go:embed checkov/config.yaml
	checkovConfig []byte
)

// policies holds template.yaml against the rules of the policy scanner: open buckets, missing encryption, keys that do not
// rotate, policies that allow everything. Where it finds something, the error tells which rule and which resource.
func (c checkout) policies(ctx context.Context) error {
	var said bytes.Buffer
	dir, err := venv.Install(ctx, c.cache, "checkov", checkovRequirements, &said)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, said.Bytes())
	}
	work, err := os.MkdirTemp("", "checkov-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	config := filepath.Join(work, "config.yaml")
	if err := os.WriteFile(config, checkovConfig, 0o600); err != nil {
		return err
	}
	_, err = tool.Run(ctx, c.root, []string{"HOME=" + work, "TMPDIR=" + work, "ANSI_COLORS_DISABLED=1"},
		filepath.Join(dir, "bin", "checkov"), "--config-file", config, "--file", "template.yaml")
	return err
}
