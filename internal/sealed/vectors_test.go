package sealed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"filippo.io/age"
)

// The vectors are part of the format: files sealed long ago must open for ever. -update is for adding a vector, and git
// must then show no change to the others.
var update = flag.Bool("update", false, "write testdata/vectors anew")

const (
	vectorDir    = "testdata/vectors"
	vectorIndex  = "vectors.json"
	identityFile = "TEST-ONLY-age-identity.txt"
)

// vector is one entry of vectors.json.
type vector struct {
	File      string `json:"file"`
	About     string `json:"about"`
	DataKey   string `json:"data_key"` // hex
	Result    string `json:"result"`   // "ok", or a key of results
	Plaintext int    `json:"plaintext_bytes,omitempty"`
	SHA256    string `json:"plaintext_sha256,omitempty"`

	content []byte
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.File, func(t *testing.T) {
			key := unhex(t, v.DataKey)
			plaintext, err := open(t.Context(), v.content, holder(key))
			checkVector(t, v, plaintext, result(err))

			plaintext, err = independentOpen(v.content, key)
			independent := "ok"
			if err != nil {
				independent = err.Error()
			}
			checkVector(t, v, plaintext, independent)
		})
	}
}

func checkVector(t *testing.T, v vector, plaintext []byte, result string) {
	t.Helper()
	if result != v.Result {
		t.Fatalf("result %q, want %q", result, v.Result)
	}
	if result != "ok" {
		return
	}
	sum := sha256.Sum256(plaintext)
	if len(plaintext) != v.Plaintext || hex.EncodeToString(sum[:]) != v.SHA256 || !bytes.Equal(plaintext, pattern(v.Plaintext)) {
		t.Errorf("%d bytes of another plaintext", len(plaintext))
	}
}

// TestVectorsStandStill writes the vectors in memory, from the same random bytes, and compares: a change of the writer
// shows here, before a file is sealed that yesterday's readers cannot open.
func TestVectorsStandStill(t *testing.T) {
	identity, vectors := makeVectors(t)
	if *update {
		writeVectors(t, identity, vectors)
	}
	stored := readVectors(t)
	if len(stored) != len(vectors) {
		t.Fatalf("%d vectors stored, %d made", len(stored), len(vectors))
	}
	for i, v := range vectors {
		if s := stored[i]; s.File != v.File || s.About != v.About || s.DataKey != v.DataKey || s.Result != v.Result || !bytes.Equal(s.content, v.content) {
			t.Errorf("%s is not what the writer writes today", v.File)
		}
	}
}

// TestVectorOfBreakGlass opens the vector the way an operator would who has the age identity and no AWS.
func TestVectorOfBreakGlass(t *testing.T) {
	f, err := os.Open(filepath.Join(vectorDir, identityFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	identities, err := age.ParseIdentities(f)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(vectorDir, "age-recipient.enc"))
	if err != nil {
		t.Fatal(err)
	}
	plaintext, err := open(t.Context(), file, WithAge(identities...))
	if err != nil || !bytes.Equal(plaintext, pattern(1000)) {
		t.Fatalf("%d bytes, %v", len(plaintext), err)
	}
}

// makeVectors seals the good vectors, and spoils the first of them for the others.
func makeVectors(t *testing.T) (*age.X25519Identity, []vector) {
	cryptotest.SetGlobalRandom(t, 1)
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	// A segment of 1 MiB holds a tag of 16 bytes; the first one also gives up the 40 bytes of the stream header.
	const first, following = segmentSize - 40 - 16, segmentSize - 16
	good := func(name, about string, n int, opts ...Option) vector {
		sum := sha256.Sum256(pattern(n))
		file, _ := seal(t, pattern(n), opts...)
		return vector{File: name, About: about, Result: "ok", Plaintext: n, SHA256: hex.EncodeToString(sum[:]), content: file}
	}
	vectors := []vector{
		good("one-byte.enc", "the shortest file", 1),
		good("age-recipient.enc", "opens with "+identityFile+" too", 1000, BreakGlass(identity.Recipient())),
		good("one-segment.enc", "fills the first segment to the last byte", first),
		good("two-segments-and-one-byte.enc", "fills two segments, the third holds one byte", first+following+1),
	}
	vectors = append(vectors, spoiledFiles(vectors[0].content)...)
	vectors = append(vectors, spoiledHeaders(t, vectors[0].content)...)
	for i := range vectors {
		vectors[i].DataKey = hex.EncodeToString(testKey)
	}
	return identity, vectors
}

func spoiledFiles(good []byte) []vector {
	edit := func(name, about, result string, edit func([]byte) []byte) vector {
		return vector{File: name, About: about, Result: result, content: edit(bytes.Clone(good))}
	}
	return []vector{
		edit("not-sealed.enc", "another magic", "not-sealed", func(b []byte) []byte { b[0] = 'p'; return b }),
		edit("unknown-version.enc", "version 2", "unknown-version", func(b []byte) []byte { b[4] = 2; return b }),
		edit("huge-header.enc", "a header of 4 GiB is claimed", "bad-header", func(b []byte) []byte { copy(b[5:9], "\xff\xff\xff\xff"); return b }),
		edit("cut-in-header.enc", "ends within the header", "truncated", func(b []byte) []byte { return b[:100] }),
		edit("cut-in-stream-header.enc", "ends within the 40 bytes before the first segment", "truncated", func(b []byte) []byte { return b[:len(b)-18] }),
		edit("cut-in-segment.enc", "the last byte is missing", "corrupt", func(b []byte) []byte { return b[:len(b)-1] }),
		edit("one-byte-more.enc", "a byte follows the last segment", "corrupt", func(b []byte) []byte { return append(b, 0) }),
		edit("changed-tag.enc", "one bit of the last byte is changed", "corrupt", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
		edit("changed-header.enc", "the header names another raft index than the body was sealed with", "corrupt", func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"raft_index":48213`), []byte(`"raft_index":48214`), 1)
		}),
	}
}

// spoiledHeaders are sealed properly behind headers that are wrong: only a reader which checks the header refuses them.
func spoiledHeaders(t *testing.T, good []byte) []vector {
	p, _, err := independentSplit(good)
	if err != nil {
		t.Fatal(err)
	}
	header := string(p[prefixSize:])
	h, err := parseHeader(p[prefixSize:])
	if err != nil {
		t.Fatal(err)
	}
	fileID := unhex(t, h.FileID)
	replaced := func(name, about, result, old, new string) vector {
		if !strings.Contains(header, old) {
			t.Fatalf("%s: the header holds no %s", name, old)
		}
		changed := strings.Replace(header, old, new, 1)
		return vector{File: name, About: about, Result: result, content: independentSeal([]byte(changed), testKey, fileID, pattern(1))}
	}
	vectors := []vector{
		replaced("header-unknown-field.enc", "a field the format does not know", "bad-header", `{"file_id"`, `{"extra":1,"file_id"`),
		replaced("header-duplicate-field.enc", "a field that is there twice", "bad-header", `"seal_type":"shamir"`, `"seal_type":"shamir","seal_type":"awskms"`),
		replaced("header-wrong-case.enc", "a field in another letter case", "bad-header", `"capture_id"`, `"Capture_ID"`),
		replaced("header-missing-field.enc", "a field is missing", "bad-header", `"shares":5,`, ``),
		replaced("header-trailing-data.enc", "something follows the object", "bad-header", `}]}`, `}]}{}`),
		replaced("header-no-kms-key.enc", "the key wrapped by KMS is missing", "bad-header", header[strings.Index(header, `{"type"`):len(header)-2], ``),
		replaced("header-two-kms-keys.enc", "two keys wrapped by KMS", "bad-header", `"keys":[`, `"keys":[{"type":"aws-kms","key_arn":"arn:aws:kms:::key/other","ciphertext":"AAAA"},`),
		replaced("other-commitment.enc", "the header commits to another data key, and the body opens with this one", "wrong-key", h.KeyCommitment, strings.Repeat("00", keySize)),
	}
	return append(vectors, vector{File: "empty.enc", About: "sealed properly, of nothing", Result: "empty", content: independentSeal(p[prefixSize:], testKey, fileID, nil)})
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(vectorDir, vectorIndex))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(index, &vectors); err != nil {
		t.Fatal(err)
	}
	for i := range vectors {
		if vectors[i].content, err = os.ReadFile(filepath.Join(vectorDir, vectors[i].File)); err != nil {
			t.Fatal(err)
		}
	}
	return vectors
}

func writeVectors(t *testing.T, identity *age.X25519Identity, vectors []vector) {
	index, err := json.MarshalIndent(vectors, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	note := "# TEST KEY of the published test vectors. It protects nothing: never seal a backup for it.\n# public key: "
	files := slices.Concat(vectors, []vector{
		{File: vectorIndex, content: append(index, '\n')},
		{File: identityFile, content: []byte(note + identity.Recipient().String() + "\n" + identity.String() + "\n")},
	})
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(vectorDir, f.File), f.content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
