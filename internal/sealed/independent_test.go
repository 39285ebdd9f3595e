package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
)

// This file is a second implementation, written from docs/sealed-file.md with the standard library alone: it proves the
// page. It uses nothing of the package, and its names for the results are those of testdata/vectors/vectors.json.

// refusal is a result other than "ok".
type refusal string

func (r refusal) Error() string { return string(r) }

// independentOpen returns the plaintext of a whole file in memory.
func independentOpen(file, dataKey []byte) ([]byte, error) {
	p, body, err := independentSplit(file)
	if err != nil {
		return nil, err
	}
	fileID, commitment, err := independentHeader(p[9:])
	if err != nil {
		return nil, err
	}
	actual := independentHKDF(dataKey, fileID, "PMDR/1 commitment")
	if subtle.ConstantTimeCompare(actual, commitment) != 1 {
		return nil, refusal("wrong-key")
	}
	if len(body) < 40 {
		return nil, refusal("truncated")
	}
	if body[0] != 40 {
		return nil, refusal("corrupt")
	}
	salt, noncePrefix := body[1:33], body[33:40]
	gcm := independentGCM(independentHKDF(dataKey, fileID, "PMDR/1 stream"), salt, p)

	var plaintext []byte
	segments := independentSegments(body)
	for i, segment := range segments {
		nonce := independentNonce(noncePrefix, i, i == len(segments)-1)
		opened, err := gcm.Open(nil, nonce, segment, nil)
		if err != nil {
			return nil, refusal("corrupt")
		}
		if len(opened) == 0 && i == 0 {
			return nil, refusal("empty")
		}
		if len(opened) == 0 {
			return nil, refusal("corrupt")
		}
		plaintext = append(plaintext, opened...)
	}
	return plaintext, nil
}

// independentSplit cuts a file into P and the body.
func independentSplit(file []byte) (p, body []byte, err error) {
	switch n := min(len(file), 4); {
	case !bytes.Equal(file[:n], []byte("PMDR")[:n]):
		return nil, nil, refusal("not-sealed")
	case len(file) > 4 && file[4] != 1:
		return nil, nil, refusal("unknown-version")
	case len(file) < 9:
		return nil, nil, refusal("truncated")
	}
	n := int64(binary.BigEndian.Uint32(file[5:9]))
	if n > 65536 {
		return nil, nil, refusal("bad-header")
	}
	if int64(len(file)) < 9+n {
		return nil, nil, refusal("truncated")
	}
	return file[:9+n], file[9+n:], nil
}

// independentHeader checks the shape of the header and returns what opening needs.
func independentHeader(data []byte) (fileID, commitment []byte, err error) {
	top, err := independentObject(data, "file_id", "capture_id", "content_type", "created_at", "created_by", "vault", "key_commitment", "keys")
	if err != nil {
		return nil, nil, err
	}
	if _, err := independentObject(top["vault"], "version", "cluster_id", "seal_type", "shares", "threshold", "raft_index", "audit_devices", "mounts"); err != nil {
		return nil, nil, err
	}
	var keys []json.RawMessage
	if json.Unmarshal(top["keys"], &keys) != nil {
		return nil, nil, refusal("bad-header")
	}
	count := map[bool]int{}
	for _, k := range keys {
		_, notKMS := independentObject(k, "type", "key_arn", "ciphertext")
		_, notAge := independentObject(k, "type", "recipient", "ciphertext")
		if notKMS != nil && notAge != nil {
			return nil, nil, refusal("bad-header")
		}
		count[notKMS == nil]++
	}
	fileID, idErr := independentHex(top["file_id"], 16)
	commitment, commitmentErr := independentHex(top["key_commitment"], 32)
	if count[true] != 1 || count[false] > 1 || idErr != nil || commitmentErr != nil {
		return nil, nil, refusal("bad-header")
	}
	return fileID, commitment, nil
}

// independentObject decodes one object that has exactly these names, each once.
func independentObject(data []byte, names ...string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, refusal("bad-header")
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil || fields[name.(string)] != nil {
			return nil, refusal("bad-header")
		}
		fields[name.(string)] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, refusal("bad-header")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, refusal("bad-header")
	}
	if !slices.Equal(slices.Sorted(maps.Keys(fields)), slices.Sorted(slices.Values(names))) {
		return nil, refusal("bad-header")
	}
	return fields, nil
}

func independentHex(value json.RawMessage, size int) ([]byte, error) {
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, err
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != size || strings.ToLower(text) != text {
		return nil, refusal("bad-header")
	}
	return b, nil
}

// independentSegments cuts a body into segments: the first is 40 bytes shorter, for the stream header before it.
func independentSegments(body []byte) [][]byte {
	const size = 1 << 20
	body = body[40:]
	segments := [][]byte{body[:min(size-40, len(body))]}
	for body = body[len(segments[0]):]; len(body) > 0; body = body[min(size, len(body)):] {
		segments = append(segments, body[:min(size, len(body))])
	}
	return segments
}

func independentNonce(prefix []byte, segment int, last bool) []byte {
	nonce := binary.BigEndian.AppendUint32(bytes.Clone(prefix), uint32(segment))
	if last {
		return append(nonce, 1)
	}
	return append(nonce, 0)
}

func independentHKDF(secret, salt []byte, info string) []byte {
	key, err := hkdf.Key(sha256.New, secret, salt, info, 32)
	if err != nil {
		panic(err)
	}
	return key
}

func independentGCM(streamKey, salt, p []byte) cipher.AEAD {
	block, err := aes.NewCipher(independentHKDF(streamKey, salt, string(p)))
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

// independentSeal writes a file of these plaintext segments behind any header: with it the tests make the files that the
// package refuses to write.
func independentSeal(header, dataKey, fileID []byte, segments ...[]byte) []byte {
	p := binary.BigEndian.AppendUint32([]byte("PMDR\x01"), uint32(len(header)))
	p = append(p, header...)
	salt, noncePrefix := bytes.Repeat([]byte{0xA5}, 32), bytes.Repeat([]byte{0x5A}, 7)
	gcm := independentGCM(independentHKDF(dataKey, fileID, "PMDR/1 stream"), salt, p)

	file := slices.Concat(p, []byte{40}, salt, noncePrefix)
	for i, segment := range segments {
		file = gcm.Seal(file, independentNonce(noncePrefix, i, i == len(segments)-1), segment, nil)
	}
	return file
}
