package raftsnapshot

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
)

// Write makes a snapshot archive of the given state, whole or as broken as sealed says: an empty sealed list is how a
// capture looks that Vault gave up. It serves tests and benchmarks of everything that carries snapshots; Vault itself
// accepts only its own.
func Write(w io.Writer, meta string, state []byte, sealed string) error {
	zip := gzip.NewWriter(w)
	archive := tar.NewWriter(zip)
	sums := fmt.Sprintf("%x  %s\n%x  %s\n", sha256.Sum256([]byte(meta)), metaName, sha256.Sum256(state), stateName)
	for _, e := range []struct {
		name string
		body []byte
	}{{metaName, []byte(meta)}, {stateName, state}, {sumsName, []byte(sums)}, {sealedName, []byte(sealed)}} {
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
