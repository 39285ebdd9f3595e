package sealed

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// FuzzHeader: whatever is accepted says the same after it was written again, so nothing in it went unseen.
func FuzzHeader(f *testing.F) {
	header := headerJSON(f)
	f.Add([]byte(header))
	f.Add([]byte(`{"file_id":"00","file_id":"01"}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseHeader(data)
		if err != nil {
			if result(err) != "bad-header" {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		p, err := h.marshal()
		if len(data) <= maxHeader/2 && err != nil {
			t.Fatalf("accepted and not writable: %v", err)
		}
		if err == nil && !saysTheSame(p[prefixSize:], h) {
			t.Fatalf("accepted %q, wrote %q", data, p[prefixSize:])
		}
	})
}

// FuzzOpen: without the stream key nobody makes a file that opens, even if the key service gives the data key to all.
// And a reader of another make agrees about every file.
func FuzzOpen(f *testing.F) {
	file, err := os.ReadFile(filepath.Join(vectorDir, "one-byte.enc")) // the same in every process that fuzzes
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add(file[:len(file)-1])
	f.Add([]byte("PMDR\x01\x00\x01\x00\x00"))
	f.Add([]byte("PMDR\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := open(t.Context(), data, holder(testKey))
		if got := result(err); got == "" || got == "ok" && !bytes.Equal(data, file) {
			t.Fatalf("result %q, %v", got, err)
		}
		if _, independent := independentOpen(data, testKey); err == nil && independent != nil {
			t.Fatalf("opened, and the independent reader says %v", independent)
		}
	})
}
