package vaultserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
)

// The ports that a node may get. A node that died is started again on the port it had. Ports from which the kernel serves
// port 0 and outgoing connections (from 32768 on Linux, from 49152 elsewhere) may be anybody's by then; these are not.
const firstPort, lastPort = 20000, 32767

// hold listens on address, or on a free port if there is none.
func hold(address string) (net.Listener, error) {
	if address != "" {
		return net.Listen("tcp", address)
	}
	const attempts = 100
	for range attempts {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if !errors.Is(err, syscall.EADDRINUSE) {
			return listener, err
		}
	}
	return nil, fmt.Errorf("%d ports between %d and %d were all taken", attempts, firstPort, lastPort)
}
