package server

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// A child that is just being started holds a copy of every socket: connections are refused at once none the less.
func TestClosedListenerRefusesWhileACopyIsOpen(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inherited, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer inherited.Close()
	if err := (&cuttable{Listener: listener}).Close(); err != nil {
		t.Error(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial: %v", err)
	}
	if conn != nil {
		_ = conn.Close()
	}
}
