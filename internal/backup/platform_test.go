//go:build platform

package backup

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/archive/archivetest"
	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot/raftsnapshottest"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

func TestMain(m *testing.M) { archivetest.Main(m) }

// bench is a Vault node, a bucket, and a capturer between the two.
type bench struct {
	Capturer
	t      *testing.T
	node   *vaulttest.Node
	client *s3.Client
	bucket string
	in     SnapshotInput
}

const token = "hvs.a-token-of-the-test"

// newBench starts a node with the answers that a capture asks for; the snapshot's is the test's own.
func newBench(t *testing.T, snapshot http.HandlerFunc) bench {
	t.Helper()
	t.Parallel()
	node := vaulttest.Start(t)
	for request, answer := range map[string]string{
		"PUT auth/aws/login":        `{"auth":{"client_token":"` + token + `"}}`,
		"GET sys/seal-status":       `{"type":"shamir","initialized":true,"sealed":false,"t":3,"n":5,"version":"1.21.0"}`,
		"GET sys/leader":            `{"ha_enabled":true,"is_self":true,"raft_applied_index":` + strconv.Itoa(index) + `}`,
		"GET sys/audit":             `{"data":{}}`,
		"GET sys/mounts":            `{"data":{"smtp/":{"type":"kv","options":{"version":"2"}},"transit/":{"type":"transit"}}}`,
		"GET sys/auth":              `{"data":{"token/":{"type":"token"}}}`,
		"GET sys/policies/acl":      `{"data":{"keys":["root"]}}`,
		"GET sys/policies/acl/root": `{"data":{"name":"root","policy":""}}`,
		"GET smtp/metadata":         `{"data":{"keys":["a/"]}}`,
		"GET smtp/metadata/a":       `{"data":{"keys":["admin"]}}`,
		"GET smtp/data/a/admin":     `{"data":{"data":{"password":"planted-secret"},"metadata":{"version":2,"created_time":"2026-11-01T00:00:00Z","deletion_time":"","destroyed":false}}}`,
	} {
		node.On(request, vaulttest.JSON(http.StatusOK, answer))
	}
	node.On("PUT auth/token/revoke-self", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	if snapshot != nil {
		node.On("GET sys/storage/raft/snapshot", snapshot)
	}
	cluster, err := vault.Open(vault.Config{Nodes: []string{node.URL}, CACertificate: node.CA(), ServerID: "vault.test"})
	if err != nil {
		t.Fatal(err)
	}
	b := bench{t: t, node: node, client: s3.NewFromConfig(archivetest.AWS), bucket: archivetest.Bucket(t)}
	b.Capturer = Capturer{
		Cluster: cluster, Identity: vault.Identity{AWS: archivetest.AWS, Role: "snapshot-vault"}, Now: time.Now,
		Archive: archive.Open(archivetest.AWS, archive.Config{
			Bucket: b.bucket, BackupKey: archivetest.BackupKey, ManifestKey: archivetest.ManifestKey,
		}, time.Now),
	}
	planned, err := Planner{Manifests: b.Archive, Now: clock}.Plan(t.Context(), PlanInput{Input: json.RawMessage(daily), Execution: running})
	if err != nil {
		t.Fatal(err)
	}
	b.in = pass(t, SnapshotInput{Plan: planned, Execution: running})
	return b
}

// kept lists what lies in the bucket: keys of versions, and of uploads that were begun.
func (b bench) kept() (keys []string) {
	b.t.Helper()
	versions, err := b.client.ListObjectVersions(b.t.Context(), &s3.ListObjectVersionsInput{Bucket: &b.bucket})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, v := range versions.Versions {
		keys = append(keys, *v.Key)
	}
	uploads, err := b.client.ListMultipartUploads(b.t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.bucket})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, u := range uploads.Uploads {
		keys = append(keys, "upload of "+*u.Key)
	}
	return keys
}

// loggedOut reports whether the session's token was given back.
func (b bench) loggedOut() bool {
	return slices.ContainsFunc(b.node.Requests(), func(r vaulttest.Request) bool {
		return r.String() == "PUT auth/token/revoke-self" && r.Header.Get("X-Vault-Token") == token
	})
}

func streams(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }
}

// body is what lies under an object's version.
func (b bench) body(o archive.Object) []byte {
	b.t.Helper()
	out, err := b.client.GetObject(b.t.Context(), &s3.GetObjectInput{Bucket: &b.bucket, Key: &o.Key, VersionId: &o.VersionID})
	if err != nil {
		b.t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return body
}

// lock is how long an object is still locked for.
func (b bench) lock(o archive.Object) time.Duration {
	b.t.Helper()
	head, err := b.client.HeadObject(b.t.Context(), &s3.HeadObjectInput{Bucket: &b.bucket, Key: &o.Key, VersionId: &o.VersionID})
	if err != nil {
		b.t.Fatal(err)
	}
	return time.Until(*head.ObjectLockRetainUntilDate)
}

// largeSample is a snapshot of several parts: its state does not compress.
func largeSample(t *testing.T) []byte {
	t.Helper()
	state := make([]byte, 20<<20)
	rand.NewChaCha8([32]byte{1}).Read(state)
	var b bytes.Buffer
	if err := raftsnapshottest.Write(&b, meta, state, "sealed sums"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// listed is the inventory's input after a snapshot that was taken at a moment of its own.
func (b bench) listed(taken Snapshot) InventoryInput {
	return pass(b.t, InventoryInput{Plan: b.in.Plan, Snapshot: taken, Execution: b.in.Execution})
}
