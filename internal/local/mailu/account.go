package mailu

import (
	"encoding/json"
	"fmt"
	"time"
)

// account is a user as GET /user shows it, field by field in this order.
type account struct {
	Email              string   `json:"email"`
	Password           string   `json:"password"` // the hash
	Comment            string   `json:"comment"`
	QuotaBytes         int64    `json:"quota_bytes"`
	QuotaBytesUsed     int64    `json:"quota_bytes_used"`
	GlobalAdmin        bool     `json:"global_admin"`
	Enabled            bool     `json:"enabled"`
	ChangePwNextLogin  bool     `json:"change_pw_next_login"`
	EnableIMAP         bool     `json:"enable_imap"`
	EnablePOP          bool     `json:"enable_pop"`
	AllowSpoofing      bool     `json:"allow_spoofing"`
	ForwardEnabled     bool     `json:"forward_enabled"`
	ForwardDestination []string `json:"forward_destination"`
	ForwardKeep        bool     `json:"forward_keep"`
	ReplyEnabled       bool     `json:"reply_enabled"`
	ReplySubject       *string  `json:"reply_subject"`
	ReplyBody          *string  `json:"reply_body"`
	ReplyStartdate     string   `json:"reply_startdate"`
	ReplyEnddate       string   `json:"reply_enddate"`
	DisplayedName      string   `json:"displayed_name"`
	SpamEnabled        bool     `json:"spam_enabled"`
	SpamMarkAsRead     bool     `json:"spam_mark_as_read"`
	SpamThreshold      int64    `json:"spam_threshold"`
}

// newAccount is a user with Mailu's defaults.
func newAccount(address string) account {
	return account{
		Email: address, QuotaBytes: 1_000_000_000, Enabled: true, EnableIMAP: true, EnablePOP: true, ForwardKeep: true,
		ForwardDestination: []string{}, ReplyStartdate: "1900-01-01", ReplyEnddate: "2999-12-31",
		SpamEnabled: true, SpamMarkAsRead: true, SpamThreshold: 80,
	}
}

// accountFields are the settings that POST and PATCH take, besides the address and the password. Whatever else a payload
// holds is ignored without a word: a mistyped field "succeeds".
var accountFields = schema{
	{name: "comment", is: "string"}, {name: "quota_bytes", is: "integer"}, {name: "global_admin", is: "boolean"},
	{name: "enabled", is: "boolean"}, {name: "change_pw_next_login", is: "boolean"}, {name: "enable_imap", is: "boolean"},
	{name: "enable_pop", is: "boolean"}, {name: "allow_spoofing", is: "boolean"}, {name: "forward_enabled", is: "boolean"},
	{name: "forward_destination", is: "array"}, {name: "forward_keep", is: "boolean"}, {name: "reply_enabled", is: "boolean"},
	{name: "reply_subject", is: "string"}, {name: "reply_body", is: "string"}, {name: "reply_startdate", is: "string"},
	{name: "reply_enddate", is: "string"}, {name: "displayed_name", is: "string"}, {name: "spam_enabled", is: "boolean"},
	{name: "spam_mark_as_read", is: "boolean"}, {name: "spam_threshold", is: "integer"},
}

// apply sets what the payload holds, its password included.
func (a *account) apply(payload map[string]any) error {
	if password, ok := payload["raw_password"].(string); ok {
		hash, err := hashPassword(password)
		if err != nil {
			return err
		}
		a.Password = hash
	}
	settings := accountFields.pick(payload)
	for _, name := range []string{"reply_startdate", "reply_enddate"} {
		if date, ok := settings[name].(string); ok {
			if _, err := time.Parse(time.DateOnly, date); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	// Fresh memory for what is replaced: a copy of the account may still be in use.
	if _, ok := settings["forward_destination"]; ok {
		a.ForwardDestination = nil
	}
	if _, ok := settings["reply_subject"]; ok {
		a.ReplySubject = nil
	}
	if _, ok := settings["reply_body"]; ok {
		a.ReplyBody = nil
	}
	data, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, a)
}
