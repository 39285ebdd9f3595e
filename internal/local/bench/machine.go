package bench

import (
	"bytes"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// space is what a run takes of the disk at most: two Vaults with half a gigabyte each, in their logs, their data and the
// snapshots on the way in and out.
const space = 8 << 30

func room(dir string) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return err
	}
	if free := disk.Bavail * uint64(disk.Bsize); free < space {
		return fmt.Errorf("the measurements take up to %s of the disk, and only %s are free", megabytes(space), megabytes(int64(free)))
	}
	return nil
}

// machine is the processor and how many of its cores there are.
func machine() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	_, model, found := bytes.Cut(info, []byte("model name"))
	if err != nil || !found {
		return fmt.Sprintf("%d cores, %s", runtime.NumCPU(), runtime.GOARCH)
	}
	model, _, _ = bytes.Cut(model, []byte("\n"))
	return fmt.Sprintf("%d cores, %s", runtime.NumCPU(), bytes.TrimLeft(model, "\t :"))
}

// load is how many processes wanted a core in the last minute: whatever else runs makes every figure worse.
func load() string {
	average, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	lastMinute, _, _ := bytes.Cut(average, []byte(" "))
	return string(lastMinute)
}
