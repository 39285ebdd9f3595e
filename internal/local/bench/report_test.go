package bench

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var example = report{Machine: "2 cores, a processor", Date: "2026-11-24", Load: "0.25", Rows: []Row{
	row("sealing", 2.345, "GB/s").against("age", 1.5).above(2).noted("one core"),
	row("a snapshot", 9.9, "s").against("curl", 8.25).ratioAtMost(1.1),
	row("memory", 128, "MB").below(128),
	row("a rotation", 1.5, "s").atMost(1.5),
	row("appends", 1234.5, "/s"),
}}

func TestReportAsMarkdown(t *testing.T) {
	const want = `2026-11-24, 2 cores, a processor, load average before the run 0.25

|   | what       | measured  | against        | ratio | goal               | met?   |
| - | ---------- | --------- | -------------- | ----- | ------------------ | ------ |
| 1 | sealing    | 2.35 GB/s | age: 1.50 GB/s | 1.56  | over 2 GB/s        | yes    |
| 2 | a snapshot | 9.90 s    | curl: 8.25 s   | 1.20  | at most 1.10 times | **no** |
| 3 | memory     | 128 MB    |                |       | under 128 MB       | **no** |
| 4 | a rotation | 1.50 s    |                |       | at most 1.5 s      | yes    |
| 5 | appends    | 1234 /s   |                |       |                    |        |

- 1: one core
`
	if d := cmp.Diff(want, example.markdown()); d != "" {
		t.Errorf("- wanted, + got:\n%s", d)
	}
}

func TestReportForMachines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bench.json")
	if err := example.save(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(example, got); d != "" {
		t.Errorf("- saved, + read:\n%s", d)
	}
}
