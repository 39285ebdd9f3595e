package fault

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestEveryFaultTellsTheOperatorWhatToDo(t *testing.T) {
	for _, n := range Names() {
		if n.Meaning() == "" || n.Next() == "" {
			t.Errorf("%s has no meaning or no next command", n)
		}
	}
	for _, n := range Retryable() {
		if !slices.Contains(Names(), n) {
			t.Errorf("%s is retried and not in the list", n)
		}
	}
}

func TestLogTextStaysOutOfTheMessage(t *testing.T) {
	err := fmt.Errorf("step: %w", VaultSealed.Errorf("snapshot: %w", io.ErrUnexpectedEOF))
	f := Of(err)
	if f.Name != VaultSealed || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("Of(%v) = %s", err, f.Name)
	}
	if strings.Contains(f.Message(), "EOF") {
		t.Errorf("the message shows what another system said: %s", f.Message())
	}
	told := Of(BackupNotFound.Tellf("no backup for %s", "2026-11-20"))
	if !strings.Contains(told.Message(), "no backup for 2026-11-20") {
		t.Errorf("the message hides the public detail: %s", told.Message())
	}
}

func TestAnUnnamedErrorIsUnexpected(t *testing.T) {
	if got := Of(io.EOF).Name; got != Unexpected {
		t.Errorf("Of(io.EOF) = %s", got)
	}
	if Is(nil, Unexpected) || !Is(io.EOF, Unexpected) {
		t.Error("Is is wrong about errors without a name")
	}
}
