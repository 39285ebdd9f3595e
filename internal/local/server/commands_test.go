package server_test

import (
	"slices"
	"testing"
)

// Whatever is run over SSH is remembered as it was typed, also when the shell refuses it; what it reads is not.
func TestCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.login(w.running())
	w.run(client, "echo ' a  b' | cat")
	if out, err := w.try(client, "cat /proc/1/environ"); err == nil {
		t.Errorf("a file that is not the server's own: %q", out)
	}
	if got, want := w.provider.Commands(), []string{"echo ' a  b' | cat", "cat /proc/1/environ"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
