package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// curl asks a Vault node with the program that everybody knows, and tells how long it took and how many bytes came. It speaks
// HTTP/1.1, in which it sends several times as fast as in HTTP/2. The token goes over standard input: every process can read
// another's arguments.
func curl(ctx context.Context, node *vaultserver.Node, token secret.String, path string, args ...string) (took time.Duration, size int64, err error) {
	cmd := exec.CommandContext(ctx, "curl", append([]string{
		"--config", "-", "--http1.1", "--silent", "--show-error", "--fail", "--cacert", node.Options().CAFile, "--write-out", "%{stderr}%{size_download}",
	}, append(args, node.URL()+path)...)...)
	cmd.Stdin = strings.NewReader("header = \"X-Vault-Token: " + token.Reveal() + "\"\n")
	var said bytes.Buffer
	cmd.Stderr = &said
	begun := time.Now()
	err = cmd.Run()
	took = time.Since(begun)
	if err != nil {
		return 0, 0, fmt.Errorf("curl: %w: %s", errors.Join(err, ctx.Err()), said.String())
	}
	size, err = strconv.ParseInt(said.String(), 10, 64)
	return took, size, err
}
