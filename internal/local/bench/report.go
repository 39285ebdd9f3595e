package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/local/progress"
)

// Row is one measurement, as the table and .local/bench.json show it.
type Row struct {
	What     string  `json:"what"`
	Measured float64 `json:"measured"`
	Unit     string  `json:"unit"`
	// Against is what the same work costs somebody else, in the same run and unit; empty where there is nobody.
	Against  string  `json:"against,omitempty"`
	Baseline float64 `json:"baseline,omitempty"`
	// Ratio is Measured divided by Baseline.
	Ratio float64 `json:"ratio,omitempty"`
	// Goal is in words, and Met says whether it was reached; nil where there is no goal.
	Goal string `json:"goal,omitempty"`
	Met  *bool  `json:"met,omitempty"`
	// Note says what bounds the figure.
	Note string `json:"note,omitempty"`
}

func row(what string, measured float64, unit string) Row {
	return Row{What: what, Measured: measured, Unit: unit}
}

func (r Row) against(whom string, baseline float64) Row {
	r.Against, r.Baseline, r.Ratio = whom, baseline, r.Measured/baseline
	return r
}

func (r Row) noted(format string, args ...any) Row {
	r.Note = fmt.Sprintf(format, args...)
	return r
}

// ratioAtMost sets the goal that the work takes at most so many times as long as the other's.
func (r Row) ratioAtMost(limit float64) Row {
	return r.goal(r.Ratio <= limit, "at most %.2f times", limit)
}

func (r Row) atMost(limit float64) Row {
	return r.goal(r.Measured <= limit, "at most %g %s", limit, r.Unit)
}

func (r Row) below(limit float64) Row {
	return r.goal(r.Measured < limit, "under %g %s", limit, r.Unit)
}

func (r Row) above(limit float64) Row { return r.goal(r.Measured > limit, "over %g %s", limit, r.Unit) }

func (r Row) goal(met bool, format string, args ...any) Row {
	r.Goal, r.Met = fmt.Sprintf(format, args...), &met
	return r
}

// cells are the row in the table's columns.
func (r Row) cells() []string {
	against, ratio, met := "", "", ""
	if r.Against != "" {
		against, ratio = r.Against+": "+quantity(r.Baseline, r.Unit), fmt.Sprintf("%.2f", r.Ratio)
	}
	if r.Met != nil {
		met = map[bool]string{true: "yes", false: "**no**"}[*r.Met]
	}
	return []string{r.What, quantity(r.Measured, r.Unit), against, ratio, r.Goal, met}
}

// quantity shows three figures, or all that stand before the point.
func quantity(value float64, unit string) string {
	digits := 2
	for limit := 10.0; value >= limit && digits > 0; limit *= 10 {
		digits--
	}
	return fmt.Sprintf("%.*f %s", digits, value, unit)
}

// report collects the rows of a run.
type report struct {
	Machine string `json:"machine"`
	Date    string `json:"date"`
	// Load is the machine's load average before anything was measured.
	Load string `json:"load"`
	Rows []Row  `json:"rows"`
}

func (r *report) add(rows ...Row) { r.Rows = append(r.Rows, rows...) }

// markdown is the whole report as docs/performance.md holds it: the table, and the notes by the number of their row.
func (r report) markdown() string {
	table := [][]string{{"", "what", "measured", "against", "ratio", "goal", "met?"}}
	var notes strings.Builder
	for i, row := range r.Rows {
		number := fmt.Sprint(i + 1)
		table = append(table, append([]string{number}, row.cells()...))
		if row.Note != "" {
			fmt.Fprintf(&notes, "- %s: %s\n", number, row.Note)
		}
	}
	return fmt.Sprintf("%s, %s, load average before the run %s\n\n%s\n%s", r.Date, r.Machine, r.Load, aligned(table), notes.String())
}

// aligned is a Markdown table that reads well as text, too; the first line is its head.
func aligned(lines [][]string) string {
	widths := make([]int, len(lines[0]))
	for _, cells := range lines {
		for i, c := range cells {
			widths[i] = max(widths[i], len(c))
		}
	}
	var b strings.Builder
	write := func(cells []string, fill string) {
		for i, c := range cells {
			fmt.Fprintf(&b, "| %s%s ", c, strings.Repeat(fill, widths[i]-len(c)))
		}
		b.WriteString("|\n")
	}
	for i, cells := range lines {
		write(cells, " ")
		if i == 0 {
			write(make([]string, len(widths)), "-")
		}
	}
	return b.String()
}

func (r report) print(say *progress.Printer) { say.Linef("\n%s", r.markdown()) }

// save writes the rows for machines.
func (r report) save(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
