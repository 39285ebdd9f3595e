// Package raftsnapshottest makes snapshot archives for tests and benchmarks of everything that carries snapshots. Vault
// itself accepts only its own.
package raftsnapshottest

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
)

// Write makes a snapshot archive of the given state with the given meta.json. sealed is the content of
// SHA256SUMS.sealed: empty is how a capture looks that Vault gave up.
func Write(w io.Writer, meta string, state []byte, sealed string) error {
	zip := gzip.NewWriter(w)
	archive := tar.NewWriter(zip)
	sums := fmt.Sprintf("%x  %s\n%x  %s\n", sha256.Sum256([]byte(meta)), "meta.json", sha256.Sum256(state), "state.bin")
	for _, e := range []struct {
		name string
		body []byte
	}{{"meta.json", []byte(meta)}, {"state.bin", state}, {"SHA256SUMS", []byte(sums)}, {"SHA256SUMS.sealed", []byte(sealed)}} {
		if err := archive.WriteHeader(&tar.Header{Name: e.name, Mode: 0o600, Size: int64(len(e.body))}); err != nil {
			return err
		}
		if _, err := archive.Write(e.body); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return zip.Close()
}
