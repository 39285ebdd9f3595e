package restore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot/raftsnapshottest"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

var started = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

var execution = task.Execution{
	ARN: "arn:aws:states:eu-central-1:123456789012:execution:vault-restore:1", StartedAt: started, State: "Step",
}

// bucket is an archive in memory.
type bucket struct {
	tiers map[archive.Tier]archive.Survey
	// down answers the survey of a tier with an error.
	down map[archive.Tier]error
	// content is the plaintext by version id.
	content map[string][]byte
	// wrap, if set, stands between the content and its reader; passes count from 1.
	wrap func(pass int, r io.Reader) io.Reader
	// after is what a read ends with that its user was content with: the digests did not match.
	after func(pass int) error
	reads []archive.Object
}

func (b *bucket) Survey(_ context.Context, tier archive.Tier) (archive.Survey, error) {
	return b.tiers[tier], b.down[tier]
}

func (b *bucket) Read(_ context.Context, o archive.Object, use func(sealed.Header, io.Reader) error) error {
	b.reads = append(b.reads, o)
	content, there := b.content[o.VersionID]
	if !there {
		return fault.BackupCorrupt.Tellf("%s is not in the bucket", o.Key)
	}
	r := io.Reader(bytes.NewReader(content))
	if b.wrap != nil {
		r = b.wrap(len(b.reads), r)
	}
	if err := use(sealed.Header{}, r); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if b.after != nil {
		return b.after(len(b.reads))
	}
	return nil
}

func slot(t testing.TB, text string) archive.Slot {
	t.Helper()
	s, err := archive.ParseSlot(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantFault checks the name of err, and that no error in its chain shows a secret.
func wantFault(t *testing.T, what string, err error, want fault.Name) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), "never-to-be-seen") {
			t.Errorf("%s: a secret is in the error", what)
		}
	}
	if err != nil && strings.Contains(fault.Of(err).Message(), "never-to-be-seen") {
		t.Errorf("%s: a secret is in the message", what)
	}
}

func public(err error) string { return fault.Of(err).Public }

func open(t *testing.T, nodes ...*vaulttest.Node) *vault.Cluster {
	t.Helper()
	c := vault.Config{CACertificate: nodes[0].CA(), ServerID: "vault.example"}
	for _, n := range nodes {
		c.Nodes = append(c.Nodes, n.URL)
	}
	cluster, err := vault.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

// snapshot is a whole one, or one that Vault gave up.
func snapshot(t testing.TB, whole bool) []byte {
	t.Helper()
	sums := ""
	if whole {
		sums = "sealed sums"
	}
	var b bytes.Buffer
	if err := raftsnapshottest.Write(&b, `{"Index":42,"Term":3}`, bytes.Repeat([]byte("state"), 1000), sums); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// broken reads on for some bytes, and then fails.
func broken(r io.Reader, after int64, err error) io.Reader {
	return io.MultiReader(io.LimitReader(r, after), failing{err})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
