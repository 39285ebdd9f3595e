package vault

import (
	"context"
	"io"
	"net/http"
)

// Snapshot streams a raft snapshot of the leader. A capture that fails midway can still be a 200 with a readable body:
// whoever reads it must prove it whole (raftsnapshot.Check).
func (s *Session) Snapshot(ctx context.Context) (io.ReadCloser, error) {
	answer, err := s.stream(ctx, http.MethodGet, "/v1/sys/storage/raft/snapshot", nil)
	if err != nil {
		return nil, named(err, "read the snapshot")
	}
	if answer.StatusCode != http.StatusOK {
		defer answer.Body.Close()
		return nil, refused(answer, "read the snapshot")
	}
	return answer.Body, nil
}

// Restore feeds a snapshot of this very cluster to its leader; one of another seal Vault refuses. Success means received
// (204), not applied: Vault applies it in the background, and looks well all the while. The body must not be offered before
// it was proved whole elsewhere.
func (s *Session) Restore(ctx context.Context, snapshot io.Reader) error {
	return s.feed(ctx, "/v1/sys/storage/raft/snapshot", snapshot)
}

// RestoreForced feeds a snapshot of another seal to this node. It is received and applied as Restore's; then Vault seals
// itself.
func (s *Session) RestoreForced(ctx context.Context, snapshot io.Reader) error {
	return s.feed(ctx, "/v1/sys/storage/raft/snapshot-force", snapshot)
}

func (s *Session) feed(ctx context.Context, path string, snapshot io.Reader) error {
	answer, err := s.stream(ctx, http.MethodPost, path, snapshot)
	if err != nil {
		return named(err, "send the snapshot")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent && answer.StatusCode != http.StatusOK {
		return refused(answer, "send the snapshot")
	}
	return nil
}

func (s *Session) stream(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.Address+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Vault-Token", s.token.Reveal())
	request.Header.Set("X-Vault-Request", "true")
	return s.http.Do(request)
}

// refused names a status that is not success. The body is read for the log only, and only its beginning.
func refused(answer *http.Response, doing string) error {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
	return nameOf(answer.StatusCode, string(text)).Errorf("%s: %s: %s", doing, answer.Status, text)
}
