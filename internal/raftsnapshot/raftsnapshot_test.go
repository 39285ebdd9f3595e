package raftsnapshot

import (
	"bytes"
	"errors"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot/raftsnapshottest"
)

const meta = `{"Version":1,"ID":"bolt-snapshot","Index":42,"Term":3,"Size":5}`

func sample(t testing.TB, sealed string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := raftsnapshottest.Write(&b, meta, []byte("state"), sealed); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhole(t *testing.T) {
	got, err := Check(bytes.NewReader(sample(t, "sealed sums")))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Summary{Index: 42, Term: 3, StateBytes: 5}); got != want {
		t.Errorf("summary %+v, want %+v", got, want)
	}
}

func TestIncomplete(t *testing.T) {
	whole := sample(t, "sealed sums")
	tests := map[string][]byte{
		"empty body":              {},
		"no sealed sums":          sample(t, ""),
		"something else entirely": []byte("<html>502</html>"),
		"trailing garbage":        append(bytes.Clone(whole), "more"...),
	}
	for name, in := range tests {
		if _, err := Check(bytes.NewReader(in)); !errors.Is(err, ErrIncomplete) {
			t.Errorf("%s: Check = %v, want ErrIncomplete", name, err)
		}
	}
	for n := range whole {
		if _, err := Check(bytes.NewReader(whole[:n])); !errors.Is(err, ErrIncomplete) {
			t.Fatalf("cut after %d of %d bytes: Check = %v, want ErrIncomplete", n, len(whole), err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(sample(f, "sealed sums"))
	f.Add(sample(f, ""))
	f.Fuzz(func(t *testing.T, in []byte) {
		if _, err := Check(bytes.NewReader(in)); err != nil && !errors.Is(err, ErrIncomplete) {
			t.Errorf("an error without ErrIncomplete: %v", err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	state := make([]byte, 64<<20)
	var whole bytes.Buffer
	if err := raftsnapshottest.Write(&whole, meta, state, "sealed sums"); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(state)))
	for b.Loop() {
		if _, err := Check(bytes.NewReader(whole.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
