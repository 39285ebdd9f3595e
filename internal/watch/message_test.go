package watch

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

func delivered(message string) string {
	return fmt.Sprintf(`{"Records":[{"EventSource":"aws:sns","Sns":{"Type":"Notification","Message":%s}}]}`, strconv.Quote(message))
}

// testdata/alarm.json is an event as AWS documents it, with fields that nobody here knows.
func TestAWSOwnMessageIsUnderstood(t *testing.T) {
	text, err := os.ReadFile("testdata/alarm.json")
	if err != nil {
		t.Fatal(err)
	}
	var d Delivery
	if err := strictjson.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
	want := Delivery{[]Alarm{{"pmdr-server-down-acme", "ALARM", "2026-11-24T06:00:12.345+0000"}}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoAlarmOfOursIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no event":             `[]`,
		"nothing":              `{}`,
		"no records":           `{"Records":[]}`,
		"no message":           `{"Records":[{"Sns":{}}]}`,
		"a text":               delivered(`the server is down`),
		"another message":      delivered(`{"hello":"world"}`),
		"another alarm":        delivered(`{"AlarmName":"pmdr-vault-backup-failed","NewStateValue":"ALARM","StateChangeTime":"2026-11-24T06:00:12.345+0000"}`),
		"no state":             delivered(`{"AlarmName":"pmdr-server-down-acme","StateChangeTime":"2026-11-24T06:00:12.345+0000"}`),
		"no time":              delivered(`{"AlarmName":"pmdr-server-down-acme","NewStateValue":"ALARM"}`),
		"a novel for a time":   delivered(fmt.Sprintf(`{"AlarmName":"pmdr-server-down-acme","NewStateValue":"ALARM","StateChangeTime":"%065d"}`, 0)),
		"a number for a name":  delivered(`{"AlarmName":7,"NewStateValue":"ALARM","StateChangeTime":"2026-11-24T06:00:12.345+0000"}`),
		"two names in one":     delivered(`{"AlarmName":"pmdr-server-down-acme","AlarmName":"pmdr-server-down-globex","NewStateValue":"ALARM","StateChangeTime":"x"}`),
		"one good, one of two": `{"Records":[{"Sns":{"Message":"{\"AlarmName\":\"pmdr-server-down-acme\",\"NewStateValue\":\"OK\",\"StateChangeTime\":\"x\"}"}},{"Sns":{"Message":"{}"}}]}`,
	} {
		var d Delivery
		err := strictjson.Unmarshal([]byte(text), &d)
		if err == nil {
			err = d.Validate()
		}
		if err == nil {
			t.Errorf("%s: accepted as %+v", name, d)
		}
	}
}
