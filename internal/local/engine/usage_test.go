package engine

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// This process is held against what it does: it touches memory and works, and getrusage(2) is the witness.
func TestUsageOfAProcess(t *testing.T) {
	const held = 64 << 20
	block := make([]byte, held)
	witness := processorTime(t)
	for worked := witness; worked-witness < 5*tick; worked = processorTime(t) {
		for i := 0; i < len(block); i += 4096 {
			block[i]++
		}
	}
	used, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	latest := processorTime(t)
	runtime.KeepAlive(block)
	if used.PeakMemory < held || used.PeakMemory > held<<6 {
		t.Errorf("the peak is %d bytes, %d are held", used.PeakMemory, held)
	}
	if used.CPU < 3*tick || used.CPU > latest+tick {
		t.Errorf("%v of CPU are used, getrusage says %v", used.CPU, latest)
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func TestUsageOfNobody(t *testing.T) {
	if _, err := usageOf(-1); err == nil {
		t.Error("a process that does not exist has a usage")
	}
}
