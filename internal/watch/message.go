package watch

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// Delivery is the payload of StartRecovery: what SNS hands over when an alarm has changed its state. Both SNS's envelope
// and CloudWatch's message are AWS's own and may grow, so that unknown fields are passed over here; what is used is checked.
type Delivery struct{ Alarms []Alarm }

// Alarm is a change of an alarm's state, as CloudWatch publishes it.
type Alarm struct {
	Name      string `json:"AlarmName"`
	State     string `json:"NewStateValue"`
	ChangedAt string `json:"StateChangeTime"` // it goes into a hash only: AWS writes it as 2026-11-24T06:00:00.000+0000
}

// inAlarm is the one state that starts something.
const inAlarm = "ALARM"

// UnmarshalJSON decodes SNS's event of a function: {"Records":[{"Sns":{"Message":"{…}"}}]}.
func (d *Delivery) UnmarshalJSON(text []byte) error {
	var event struct {
		Records []struct {
			SNS struct {
				Message string `json:"Message"`
			} `json:"Sns"`
		} `json:"Records"`
	}
	if err := json.Unmarshal(text, &event); err != nil {
		return err
	}
	for _, record := range event.Records {
		var alarm Alarm
		if err := json.Unmarshal([]byte(record.SNS.Message), &alarm); err != nil {
			return fmt.Errorf("the message: %w", err)
		}
		d.Alarms = append(d.Alarms, alarm)
	}
	return nil
}

// maxTime is how long the time of a change may be.
const maxTime = 64

// Validate refuses what is no change of an alarm on a tenant's server. It quotes nothing of it.
func (d Delivery) Validate() error {
	if len(d.Alarms) == 0 {
		return errors.New("there is no message of an alarm")
	}
	for _, alarm := range d.Alarms {
		switch {
		case alarm.State == "":
			return errors.New("NewStateValue is missing")
		case alarm.ChangedAt == "" || len(alarm.ChangedAt) > maxTime:
			return errors.New("StateChangeTime is no time")
		}
		if _, err := tenantOf(alarm.Name); err != nil {
			return err
		}
	}
	return nil
}
