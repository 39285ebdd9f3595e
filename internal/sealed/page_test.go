package sealed

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// TestPageShowsTheFirstVector computes the worked example of the format page, with the independent reader's means.
func TestPageShowsTheFirstVector(t *testing.T) {
	page, err := os.ReadFile("../../docs/sealed-file.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(vectorDir + "/one-byte.enc")
	if err != nil {
		t.Fatal(err)
	}
	p, body, err := independentSplit(file)
	if err != nil {
		t.Fatal(err)
	}
	fileID, commitment, err := independentHeader(p[9:])
	if err != nil {
		t.Fatal(err)
	}
	streamKey := independentHKDF(testKey, fileID, "PMDR/1 stream")
	for what, value := range map[string][]byte{
		"start of P":     p[:9],
		"data key":       testKey,
		"file id":        fileID,
		"key commitment": commitment,
		"stream key":     streamKey,
		"salt":           body[1:33],
		"nonce prefix":   body[33:40],
		"segment key":    independentHKDF(streamKey, body[1:33], string(p)),
		"nonce":          independentNonce(body[33:40], 0, true),
		"segment":        body[40:],
	} {
		if !strings.Contains(string(page), hex.EncodeToString(value)) {
			t.Errorf("the page shows another %s than %x", what, value)
		}
	}
}
