package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/progress"
)

// Row is one scenario as the table and .local/demo.json show it.
type Row struct {
	Scenario  string `json:"scenario"`
	StartedBy string `json:"started_by"`
	// Seconds is what was measured, Objective what was promised.
	Seconds   float64 `json:"seconds"`
	Objective float64 `json:"objective_seconds"`
	OK        bool    `json:"ok"`
	Detail    string  `json:"detail"`
}

// report collects the rows.
type report []Row

func (r *report) add(scenario, startedBy string, measured, objective time.Duration, detail string) {
	*r = append(*r, Row{
		Scenario: scenario, StartedBy: startedBy,
		Seconds:   float64(measured.Milliseconds()) / 1000,
		Objective: objective.Seconds(),
		OK:        measured <= objective,
		Detail:    detail,
	})
}

// print shows the table.
func (r report) print(say *progress.Printer) {
	say.Linef("\n%-31s %-28s %14s %14s   %s", "scenario", "started by", "measured", "objective", "result")
	for _, row := range r {
		result := "met"
		if !row.OK {
			result = "MISSED"
		}
		say.Linef("%-31s %-28s %12.1f s %12.0f s   %s", row.Scenario, row.StartedBy, row.Seconds, row.Objective, result)
		say.Linef("%31s %s", "", row.Detail)
	}
}

// save writes the rows for machines.
func (r report) save(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// missed is the error of objectives that were not met, or nil.
func (r report) missed() error {
	var names []string
	for _, row := range r {
		if !row.OK {
			names = append(names, row.Scenario)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("objective missed: %s", strings.Join(names, ", "))
}
