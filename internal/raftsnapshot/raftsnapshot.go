// Package raftsnapshot knows what a whole Vault raft snapshot looks like. Vault may answer 200 and stop midway, so a
// snapshot is believed only after it was read to its end here.
//
// The format (found by taking real ones from Vault 1.21): a gzip'd tar of meta.json, state.bin, SHA256SUMS and
// SHA256SUMS.sealed. SHA256SUMS holds a line "<hex sha256>  <name>" for each of the first two; SHA256SUMS.sealed is the
// same list under Vault's own seal, written last: only its presence proves that Vault finished.
package raftsnapshot

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrIncomplete is in the chain of every error about the stream's content.
var ErrIncomplete = errors.New("not a whole raft snapshot")

// Summary is what a whole snapshot says of itself.
type Summary struct {
	// Index and Term are the raft position that the snapshot holds.
	Index uint64
	Term  uint64
	// StateBytes is the size of state.bin, the data itself.
	StateBytes int64
}

const (
	metaName   = "meta.json"
	stateName  = "state.bin"
	sumsName   = "SHA256SUMS"
	sealedName = "SHA256SUMS.sealed"
	// maxSmall bounds the three small entries; state.bin alone may have any size and is only hashed.
	maxSmall = 1 << 20
	// readAhead makes reads large: behind r a network, a cipher and an upload take their turns.
	readAhead = 1 << 20
)

// Check reads a snapshot to its very end and verifies its structure and its own checksums. Memory does not depend on
// the size.
func Check(r io.Reader) (Summary, error) {
	zip, err := gzip.NewReader(bufio.NewReaderSize(r, readAhead))
	if err != nil {
		return Summary{}, incomplete("gzip: %w", err)
	}
	var (
		summary Summary
		sums    map[string]string
		found   = map[string]string{} // entry name to hex sha256
		sealed  bool
		archive = tar.NewReader(zip)
	)
	for {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Summary{}, incomplete("tar: %w", err)
		}
		if _, again := found[entry.Name]; again {
			return Summary{}, incomplete("%s is there twice", entry.Name)
		}
		hash := sha256.New()
		var small bytes.Buffer
		content := io.TeeReader(archive, hash)
		switch entry.Name {
		case stateName:
			summary.StateBytes, err = io.Copy(io.Discard, content)
		case metaName, sumsName, sealedName:
			if entry.Size > maxSmall {
				return Summary{}, incomplete("%s is larger than it can be", entry.Name)
			}
			_, err = small.ReadFrom(content)
		default:
			return Summary{}, incomplete("unknown entry %q", entry.Name)
		}
		if err != nil {
			return Summary{}, incomplete("%s: %w", entry.Name, err)
		}
		found[entry.Name] = hex.EncodeToString(hash.Sum(nil))
		switch entry.Name {
		case metaName:
			if err := json.Unmarshal(small.Bytes(), &summary); err != nil {
				return Summary{}, incomplete("%s: %w", metaName, err)
			}
		case sumsName:
			if sums, err = parseSums(&small); err != nil {
				return Summary{}, err
			}
		case sealedName:
			sealed = small.Len() > 0
		}
	}
	// The tar reader stops at the archive's end; gzip's checksum comes after it.
	if _, err := io.Copy(io.Discard, zip); err != nil {
		return Summary{}, incomplete("gzip: %w", err)
	}
	return summary, verify(found, sums, sealed)
}

func verify(found, sums map[string]string, sealed bool) error {
	if !sealed {
		return incomplete("%s is missing or empty: Vault did not finish", sealedName)
	}
	for _, name := range []string{metaName, stateName} {
		switch {
		case found[name] == "":
			return incomplete("%s is missing", name)
		case sums[name] != found[name]:
			return incomplete("%s is not what %s says", name, sumsName)
		}
	}
	return nil
}

func parseSums(r io.Reader) (map[string]string, error) {
	sums := map[string]string{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			return nil, incomplete("%s has a malformed line", sumsName)
		}
		sums[name] = sum
	}
	if err := lines.Err(); err != nil {
		return nil, incomplete("%s: %w", sumsName, err)
	}
	return sums, nil
}

func incomplete(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrIncomplete, fmt.Errorf(format, args...))
}
