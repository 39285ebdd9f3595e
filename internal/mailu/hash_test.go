package mailu

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/secret"
)

func TestVerifyHash(t *testing.T) {
	f, err := os.Open("testdata/hashes.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	vectors := 0
	for lines := bufio.NewScanner(f); lines.Scan(); vectors++ {
		cut := strings.LastIndex(lines.Text(), " ")
		password, err := strconv.Unquote(lines.Text()[:cut])
		if err != nil {
			t.Fatal(err)
		}
		hash := lines.Text()[cut+1:]
		if !VerifyHash(hash, secret.New(password)) {
			t.Errorf("vector %d does not verify", vectors)
		}
		if VerifyHash(hash, secret.New(password+"x")) {
			t.Errorf("vector %d verifies another password", vectors)
		}
	}
	if vectors != 5 {
		t.Fatalf("%d vectors, want 5", vectors)
	}
}

func TestVerifyHashRefusesOtherForms(t *testing.T) {
	// The right digest under forms that say something else, and rounds that would keep a function busy for hours.
	const right = "$bcrypt-sha256$v=2,t=2b,r=5$TIjh/3fborYV9lKtReSU4u$8dAXw7UMmLQYKwFfYabNZ5oYHG8tIMe"
	password := secret.New("correct horse battery staple")
	for _, hash := range []string{
		"", "correct horse battery staple",
		strings.Replace(right, "v=2", "v=1", 1), strings.Replace(right, "t=2b", "t=2a", 1),
		strings.Replace(right, "r=5", "r=31", 1), strings.Replace(right, "r=5", "r=05", 1), strings.Replace(right, "r=5", "r=3", 1),
		right + "\n", right[:len(right)-1], strings.Replace(right, "$bcrypt-sha256$v=2,t=2b,r=5$", "$2b$05$", 1),
	} {
		if VerifyHash(hash, password) {
			t.Errorf("%q verifies", hash)
		}
	}
}
