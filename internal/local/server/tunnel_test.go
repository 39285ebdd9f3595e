package server_test

import (
	"context"
	"io"
	"net"
	"testing"
)

// Whoever started the provider may stand at the far end of its servers' tunnels.
func TestTunnelsAreDialledByWhoeverWantsTo(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	w := newWorldWith(t, func(_ context.Context, address string) (net.Conn, error) {
		asked <- address
		ours, theirs := net.Pipe()
		go func() {
			_, _ = io.WriteString(theirs, "from between")
			_ = theirs.Close()
		}()
		return ours, nil
	})
	s := w.running()
	conn, err := w.login(s).Dial("tcp", "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := io.ReadAll(conn); string(got) != "from between" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, want := <-asked, s.IPv4.String()+":8080"; got != want {
		t.Errorf("dialled %s, want %s", got, want)
	}
}
