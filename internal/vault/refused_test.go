package vault

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// The leader refuses while the snapshot is still being sent: vault/api's own restore takes that for a success.
func TestRestoreRefusedMidway(t *testing.T) {
	for name, taken := range map[string]int64{"at once": 0, "after a piece": 3 << 20} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.CopyN(io.Discard, r.Body, taken); err != nil {
				t.Errorf("%s: the client ended first: %v", name, err)
			}
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"errors":["could not verify hash file"]}`)
		}))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		defer server.Close()
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		cluster, err := Open(Config{Nodes: []string{server.URL}, CACertificate: base64.StdEncoding.EncodeToString(ca)})
		if err != nil {
			t.Fatal(err)
		}
		session, err := cluster.Nodes()[0].AsRoot(Keys{RootToken: secret.New(testToken)})
		if err != nil {
			t.Fatal(err)
		}
		// The answer, or only the connection that breaks under what is still being sent.
		err = session.RestoreForced(t.Context(), io.LimitReader(rand.Reader, 64<<20))
		if !fault.Is(err, fault.VaultRefused) && !fault.Is(err, fault.VaultUnreachable) {
			t.Errorf("%s: got %v, want VaultRefused or VaultUnreachable", name, err)
		}
		noSecret(t, name, err)
	}
}
