package vault

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

func TestSnapshotStreams(t *testing.T) {
	n := vaulttest.Start(t)
	more := make(chan struct{})
	n.On("GET sys/storage/raft/snapshot", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first ")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-more: // the reader got the beginning before the end was written
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "second")
	})
	body, err := loggedIn(t, n).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	begin := make([]byte, 6)
	if _, err := io.ReadFull(body, begin); err != nil || string(begin) != "first " {
		t.Fatalf("read %q, %v", begin, err)
	}
	close(more)
	if rest, err := io.ReadAll(body); err != nil || string(rest) != "second" {
		t.Errorf("read %q, %v", rest, err)
	}
	if got := n.Requests()[0].Header; got.Get("X-Vault-Token") != testToken || got.Get("X-Vault-Request") != "true" {
		t.Error("the request lacks its headers")
	}
}

func TestSnapshotCutMidway(t *testing.T) {
	n := vaulttest.Start(t)
	n.On("GET sys/storage/raft/snapshot", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first ")
		_ = http.NewResponseController(w).Flush()
		vaulttest.Cut(w, r)
	})
	body, err := loggedIn(t, n).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err == nil {
		t.Errorf("a cut stream ends cleanly after %q", got)
	}
}

func TestRestoreForcedSendsEverything(t *testing.T) {
	for _, status := range []int{http.StatusNoContent, http.StatusOK} {
		n := vaulttest.Start(t)
		n.On("POST sys/storage/raft/snapshot-force", vaulttest.JSON(status, ""))
		snapshot := strings.Repeat("snapshot", 1<<18)
		if err := loggedIn(t, n).RestoreForced(t.Context(), io.MultiReader(strings.NewReader(snapshot))); err != nil {
			t.Fatal(err)
		}
		got := n.Requests()[0]
		if got.Body != snapshot || got.Header.Get("X-Vault-Token") != testToken {
			t.Errorf("%s with %d bytes, want %d", got, len(got.Body), len(snapshot))
		}
	}
}

// A snapshot of the cluster's own is not forced on it: Vault is to see that it fits.
func TestRestoreIsNotForced(t *testing.T) {
	n := vaulttest.Start(t)
	n.On("POST sys/storage/raft/snapshot", vaulttest.JSON(http.StatusNoContent, ""))
	if err := loggedIn(t, n).Restore(t.Context(), strings.NewReader("snapshot")); err != nil {
		t.Fatal(err)
	}
	if got := n.Requests()[0]; got.Body != "snapshot" || got.Header.Get("X-Vault-Token") != testToken {
		t.Errorf("%s with %q", got, got.Body)
	}
	n.On("POST sys/storage/raft/snapshot", vaulttest.JSON(http.StatusBadRequest, `{"errors":["could not verify hash file"]}`))
	wantFault(t, "another seal", loggedIn(t, n).Restore(t.Context(), strings.NewReader("x")), fault.VaultRefused)
}

func TestRestoreForcedIsReceivedOrFails(t *testing.T) {
	for _, status := range []int{201, 202, 400, 403, 404} {
		n := vaulttest.Start(t)
		n.On("", vaulttest.JSON(status, `{"errors":["could not verify hash file"]}`))
		wantFault(t, http.StatusText(status), loggedIn(t, n).RestoreForced(t.Context(), strings.NewReader("x")), fault.VaultRefused)
	}
}

// What reading the backup fails with is not Vault's fault.
func TestRestoreForcedKeepsTheFaultOfItsSource(t *testing.T) {
	n := vaulttest.Start(t)
	n.On("", vaulttest.JSON(204, ""))
	for name, tt := range map[string]struct {
		err  error
		want fault.Name
	}{
		"a corrupt backup": {fault.BackupCorrupt.Tellf("changed"), fault.BackupCorrupt},
		"AWS is away":      {fault.AWSUnavailable.Errorf("cut"), fault.AWSUnavailable},
		"no name":          {errors.New("odd"), fault.VaultUnreachable},
	} {
		source := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), failing{tt.err})
		err := loggedIn(t, n).RestoreForced(t.Context(), source)
		wantFault(t, name, err, tt.want)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: %v does not wrap its cause", name, err)
		}
	}
	if got := n.Requests(); len(got) != 0 {
		t.Errorf("a body that broke off was taken for whole: %v", got)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
