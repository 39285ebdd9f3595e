package testrun

import (
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/progress"
)

// Failures and figures are shown; what else passing tests say is not.
func TestWhatIsShown(t *testing.T) {
	t.Parallel()
	var shown strings.Builder
	var count Count
	events := `{"Action":"output","Package":"p","Test":"TestGood","Output":"quiet\n"}
{"Action":"attr","Package":"p","Test":"TestGood","Key":"figure","Value":"3 states x 4 faults"}
{"Action":"attr","Package":"p","Test":"TestGood","Key":"else","Value":"unsaid"}
{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"why\n"}
{"Action":"fail","Package":"p","Test":"TestBad"}
{"Action":"fail","Package":"p"}
`
	if err := count.read(strings.NewReader(events), progress.New(&shown)); err != nil {
		t.Fatal(err)
	}
	if want := (Count{1, 1}); count != want {
		t.Errorf("counted %+v, want %+v", count, want)
	}
	if want := "  3 states x 4 faults\n--- p TestBad\nwhy\n"; shown.String() != want {
		t.Errorf("shown is\n%s\nwant\n%s", shown.String(), want)
	}
}
