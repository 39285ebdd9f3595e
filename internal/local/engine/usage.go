package engine

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	processes "github.com/penguinmails/disaster-recovery/internal/local/process"
)

// Usage is what the processes of a function have used since they started.
type Usage struct {
	// PeakMemory is the most memory, in bytes, that one of them ever had resident: its code and what it allocated.
	PeakMemory int64
	// CPU is the processor time of all of them.
	CPU time.Duration
}

// Usage looks at the processes of a function that are there now; a warm one counts all its invocations. It is an error
// where there is none.
func (e *Engine) Usage(function string) (Usage, error) {
	var sum Usage
	found := false
	for _, pid := range group(e.process.PID) {
		if pid == e.process.PID || functionOf(pid) != function {
			continue
		}
		used, err := usageOf(pid)
		if err != nil {
			return Usage{}, fmt.Errorf("usage of function %s: %w", function, err)
		}
		sum.PeakMemory, sum.CPU = max(sum.PeakMemory, used.PeakMemory), sum.CPU+used.CPU
		found = true
	}
	if !found {
		return Usage{}, fmt.Errorf("usage of function %s: it has no process", function)
	}
	return sum, nil
}

// tick is the unit of processor times in /proc: USER_HZ is 100 on every machine that Go runs on.
const tick = time.Second / 100

// usageOf reads VmHWM of /proc/pid/status, and the two times of /proc/pid/stat (proc(5)).
func usageOf(pid int) (Usage, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Usage{}, err
	}
	stat, err := processes.Stat(pid)
	if err != nil {
		return Usage{}, err
	}
	_, peak, _ := bytes.Cut(status, []byte("VmHWM:"))
	memory := bytes.Fields(peak)
	if len(memory) == 0 {
		return Usage{}, fmt.Errorf("process %d has ended", pid)
	}
	var read [3]int64
	for i, text := range []string{string(memory[0]), stat[processes.UserTime], stat[processes.SystemTime]} {
		if read[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return Usage{}, fmt.Errorf("process %d: %w", pid, err)
		}
	}
	return Usage{PeakMemory: read[0] << 10, CPU: time.Duration(read[1]+read[2]) * tick}, nil
}
