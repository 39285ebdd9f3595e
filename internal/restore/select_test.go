package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// backup is a signed one, captured at the time.
func backup(t testing.TB, folder string, captured time.Time) archive.Signed {
	t.Helper()
	s := slot(t, folder)
	return archive.Signed{
		Manifest: archive.Manifest{
			Slot: s, CapturedAt: captured, VerifiedAt: captured.Add(time.Minute), Secrets: 412,
			Snapshot:  archive.Object{Key: s.Key(archive.SnapshotName), VersionID: "snapshot of " + folder},
			Inventory: archive.Object{Key: s.Key(archive.InventoryName), VersionID: "inventory of " + folder},
			Vault:     sealed.Vault{ClusterID: "cluster of " + folder, SealType: "shamir", Shares: 3, Threshold: 2},
		},
		SHA256: "digest of " + folder,
	}
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// full is a bucket with backups of every tier.
func full(t testing.TB) *bucket {
	t.Helper()
	survey := func(backups ...archive.Signed) archive.Survey { return archive.Survey{Backups: backups} }
	return &bucket{tiers: map[archive.Tier]archive.Survey{
		archive.Daily: survey(
			backup(t, "backups/2026-11-22", at("2026-11-22T02:00:31Z")),
			backup(t, "backups/2026-11-21", at("2026-11-21T02:00:30Z")),
			backup(t, "backups/2026-11-01", at("2026-11-01T02:00:30Z"))),
		archive.Monthly: survey(
			backup(t, "monthly/2026-11", at("2026-11-01T02:00:30Z")),
			backup(t, "monthly/2026-10", at("2026-10-01T02:00:30Z"))),
		archive.OnDemand: survey(backup(t, "on-demand/20261120T061500Z", at("2026-11-20T06:15:02Z"))),
		archive.OnChange: survey(backup(t, "on-change/20261119T0615Z", at("2026-11-19T06:15:02Z"))),
		// The youngest of all, and never the latest.
		archive.PreRestore: survey(backup(t, "pre-restore/20261123T061500Z", at("2026-11-23T06:15:02Z"))),
	}}
}

func choose(t testing.TB, b *bucket, input string) (Backup, error) {
	t.Helper()
	return Selector{Archive: b, Others: alone{}}.Select(t.Context(), SelectInput{Input: json.RawMessage(input), Execution: execution})
}

func TestSelectRefusesBadInput(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	for name, input := range map[string]string{
		"nothing":              ``,
		"not JSON":             `latest`,
		"null":                 `null`,
		"a list":               `[]`,
		"a string":             `"latest"`,
		"a number":             `20261122`,
		"two values":           `{"backup_date":"latest"}{}`,
		"empty":                `{}`,
		"no date":              `{"reason":"x"}`,
		"empty date":           `{"backup_date":""}`,
		"null date":            `{"backup_date":null}`,
		"a number as date":     `{"backup_date":20261122}`,
		"a list as date":       `{"backup_date":["latest"]}`,
		"date twice":           `{"backup_date":"2026-11-22","backup_date":"latest"}`,
		"another case":         `{"Backup_Date":"2026-11-22"}`,
		"unknown field":        `{"backup_date":"2026-11-22","hurry":true}`,
		"a case of latest":     `{"backup_date":"Latest"}`,
		"a space":              `{"backup_date":" 2026-11-22"}`,
		"no such day":          `{"backup_date":"2026-02-30"}`,
		"no such month":        `{"backup_date":"2026-13"}`,
		"short":                `{"backup_date":"2026-1-2"}`,
		"american":             `{"backup_date":"11/22/2026"}`,
		"a year":               `{"backup_date":"2026"}`,
		"a time":               `{"backup_date":"2026-11-22T02:00:00Z"}`,
		"a way out":            `{"backup_date":"../2026-11-22"}`,
		"a folder of its own":  `{"backup_date":"audit/2026-11-22"}`,
		"a slot in the wrong":  `{"backup_date":"monthly/2026-11-22"}`,
		"an object":            `{"backup_date":"backups/2026-11-22/manifest.json"}`,
		"a long reason":        `{"backup_date":"latest","reason":"` + long + `"}`,
		"a long requested_by":  `{"backup_date":"latest","requested_by":"` + long + `"}`,
		"an unknown mode":      `{"backup_date":"latest","mode":"dry"}`,
		"a reason of a number": `{"backup_date":"latest","reason":7}`,
	} {
		got, err := choose(t, full(t), input)
		wantFault(t, name, err, fault.InvalidInput)
		if !reflect.DeepEqual(got, Backup{}) {
			t.Errorf("%s: selected %+v", name, got)
		}
	}
}

func TestSelect(t *testing.T) {
	for asked, tt := range map[string]struct{ folder, date string }{
		"2026-11-22":                   {"backups/2026-11-22", "2026-11-22"},
		"2026-11-01":                   {"backups/2026-11-01", "2026-11-01"},
		"2026-10":                      {"monthly/2026-10", "2026-10"},
		"backups/2026-11-21":           {"backups/2026-11-21", "2026-11-21"},
		"monthly/2026-11":              {"monthly/2026-11", "2026-11"},
		"on-demand/20261120T061500Z":   {"on-demand/20261120T061500Z", "on-demand/20261120T061500Z"},
		"on-change/20261119T0615Z":     {"on-change/20261119T0615Z", "on-change/20261119T0615Z"},
		"pre-restore/20261123T061500Z": {"pre-restore/20261123T061500Z", "pre-restore/20261123T061500Z"},
		"latest":                       {"backups/2026-11-22", "2026-11-22"},
	} {
		got, err := choose(t, full(t), fmt.Sprintf(`{"backup_date":%q,"reason":"fire","requested_by":"ops@example.org"}`, asked))
		if err != nil {
			t.Errorf("%s: %v", asked, err)
			continue
		}
		signed := backup(t, tt.folder, got.CapturedAt)
		expected := Backup{
			Slot: signed.Slot, BackupDate: tt.date, ManifestSHA256: signed.SHA256,
			CapturedAt: signed.CapturedAt, VerifiedAt: signed.VerifiedAt, Snapshot: signed.Snapshot, Inventory: signed.Inventory,
			Vault: signed.Vault, Secrets: 412, Reason: "fire", RequestedBy: "ops@example.org",
		}
		if !reflect.DeepEqual(got, expected) {
			t.Errorf("%s: selected\n%+v\nwant\n%+v", asked, got, expected)
		}
	}
}

// The latest data counts, whatever tier holds it; of two copies of one capture, the daily one.
func TestLatestAcrossTiers(t *testing.T) {
	b := full(t)
	for _, tt := range []struct {
		tier archive.Tier
		want string
		add  string
	}{
		{archive.OnChange, "on-change/20261122T0900Z", "2026-11-22T09:00:01Z"},
		{archive.OnDemand, "on-demand/20261122T090100Z", "2026-11-22T09:01:01Z"},
		{archive.Monthly, "monthly/2026-12", "2026-12-01T02:00:30Z"},
		{archive.Daily, "backups/2026-12-01", "2026-12-01T02:00:30Z"}, // the one that monthly/2026-12 is a copy of
		{archive.Daily, "backups/2026-12-02", "2026-12-02T02:00:30Z"},
	} {
		there := b.tiers[tt.tier]
		there.Backups = append([]archive.Signed{backup(t, tt.want, at(tt.add))}, there.Backups...)
		b.tiers[tt.tier] = there
		if got, err := choose(t, b, `{"backup_date":"latest"}`); err != nil || got.Slot.String() != tt.want {
			t.Errorf("latest is %s, %v, want %s", got.Slot, err, tt.want)
		}
	}
	// The slot's name does not decide.
	b.tiers[archive.Daily] = archive.Survey{Backups: []archive.Signed{
		backup(t, "backups/2026-12-09", at("2026-12-01T01:00:00Z")), backup(t, "backups/2026-12-02", at("2026-12-02T02:00:30Z")),
	}}
	if got, err := choose(t, b, `{"backup_date":"latest"}`); err != nil || got.Slot.String() != "backups/2026-12-02" {
		t.Errorf("latest is %s, %v", got.Slot, err)
	}
}

func TestSelectForAPlan(t *testing.T) {
	asked, err := choose(t, full(t), `{"backup_date":"2026-11-22"}`)
	if err != nil {
		t.Fatal(err)
	}
	asked.Plan = true
	if got, err := choose(t, full(t), `{"backup_date":"2026-11-22","mode":"plan"}`); err != nil || !reflect.DeepEqual(got, asked) {
		t.Errorf("selected %+v, %v, want %+v", got, err, asked)
	}
}

func TestSelectNamesWhatThereIs(t *testing.T) {
	_, err := choose(t, full(t), `{"backup_date":"2026-11-20"}`)
	wantFault(t, "a day without a backup", err, fault.BackupNotFound)
	const all = "asked for 2026-11-20; there are 2026-11-22, 2026-11-21, 2026-11-01, 2026-11, 2026-10, on-demand/20261120T061500Z, on-change/20261119T0615Z, pre-restore/20261123T061500Z"
	if public(err) != all {
		t.Errorf("told %q, want %q", public(err), all)
	}
	for _, date := range []string{"2026-10-01", "2026-12", "on-change/20261120T061500Z", "on-demand/20261119T061500Z"} {
		_, err := choose(t, full(t), fmt.Sprintf(`{"backup_date":%q}`, date))
		if date == "on-change/20261120T061500Z" { // a time of the other tier's form
			wantFault(t, date, err, fault.InvalidInput)
			continue
		}
		wantFault(t, date, err, fault.BackupNotFound)
	}
	for _, date := range []string{"latest", "2026-11-20"} {
		_, err := choose(t, &bucket{}, fmt.Sprintf(`{"backup_date":%q}`, date))
		wantFault(t, "an empty bucket", err, fault.BackupNotFound)
		if want := "asked for " + date + "; there is no verified backup at all"; public(err) != want {
			t.Errorf("told %q, want %q", public(err), want)
		}
	}
}

func TestSelectNamesAtMostTwenty(t *testing.T) {
	for count, more := range map[int]string{maxNamed: "", maxNamed + 1: " and 1 more", 30: " and 10 more"} {
		var daily archive.Survey
		for i := range count {
			day := at("2026-10-30T02:00:00Z").AddDate(0, 0, -i)
			daily.Backups = append(daily.Backups, backup(t, "backups/"+day.Format(time.DateOnly), day))
		}
		_, err := choose(t, &bucket{tiers: map[archive.Tier]archive.Survey{archive.Daily: daily}}, `{"backup_date":"2026-11-22"}`)
		wantFault(t, "not found", err, fault.BackupNotFound)
		if got := strings.Count(public(err), "2026-10"); got != maxNamed || !strings.HasSuffix(public(err), daily.Backups[maxNamed-1].Slot.Name()+more) {
			t.Errorf("%d backups: %d are named: %s", count, got, public(err))
		}
	}
}

func TestSelectForged(t *testing.T) {
	forged := func(folder string) map[archive.Slot]error {
		return map[archive.Slot]error{slot(t, folder): fault.BackupForged.Tellf("%s/manifest.json", folder)}
	}
	b := full(t)
	daily := b.tiers[archive.Daily]
	daily.Forged = forged("backups/2026-11-23")
	b.tiers[archive.Daily] = daily

	_, err := choose(t, b, `{"backup_date":"2026-11-23"}`)
	wantFault(t, "the forged day", err, fault.BackupForged)
	if public(err) != "backups/2026-11-23/manifest.json" {
		t.Errorf("told %q", public(err))
	}
	for asked, want := range map[string]string{"2026-11-22": "backups/2026-11-22", "latest": "backups/2026-11-22", "2026-10": "monthly/2026-10"} {
		if got, err := choose(t, b, fmt.Sprintf(`{"backup_date":%q}`, asked)); err != nil || got.Slot.String() != want {
			t.Errorf("%s beside a forged one: %s, %v", asked, got.Slot, err)
		}
	}
	_, err = choose(t, b, `{"backup_date":"2026-11-20"}`)
	wantFault(t, "another day without a backup", err, fault.BackupNotFound)
	if strings.Contains(public(err), "2026-11-23") {
		t.Errorf("a forged day is offered: %s", public(err))
	}
	alone := &bucket{tiers: map[archive.Tier]archive.Survey{archive.OnChange: {Forged: forged("on-change/20261119T0615Z")}}}
	_, err = choose(t, alone, `{"backup_date":"latest"}`)
	wantFault(t, "nothing but a forged one", err, fault.BackupForged)
}

// What somebody else did to manifests is told with the backup that was selected, of every tier that was looked at.
func TestSelectTellsOfTampering(t *testing.T) {
	b := full(t)
	for tier, folder := range map[archive.Tier]string{archive.Daily: "backups/2026-11-23", archive.OnDemand: "on-demand/20261124T061500Z"} {
		there := b.tiers[tier]
		there.Tampered = []archive.Slot{slot(t, folder)}
		b.tiers[tier] = there
	}
	for asked, want := range map[string]string{
		"latest": "backups/2026-11-23, on-demand/20261124T061500Z", "2026-11-22": "backups/2026-11-23", "2026-10": "",
	} {
		if got, err := choose(t, b, fmt.Sprintf(`{"backup_date":%q}`, asked)); err != nil || got.Tampered != want {
			t.Errorf("%s: told of %q, %v, want %q", asked, got.Tampered, err, want)
		}
	}
}

func TestSelectFailsWithTheBucket(t *testing.T) {
	for _, tier := range archive.Tiers() {
		b := full(t)
		b.down = map[archive.Tier]error{tier: fault.AWSUnavailable.Errorf("throttled")}
		_, err := choose(t, b, `{"backup_date":"latest"}`)
		if tier == archive.PreRestore {
			if err != nil {
				t.Errorf("latest needs what was saved before a restore: %v", err)
			}
		} else {
			wantFault(t, "latest without "+string(tier), err, fault.AWSUnavailable)
		}
		_, err = choose(t, b, `{"backup_date":"2026-11-20"}`) // naming what there is needs every tier
		wantFault(t, "a missing day without "+string(tier), err, fault.AWSUnavailable)
	}
	b := full(t)
	b.down = map[archive.Tier]error{archive.Monthly: errors.New("must not be asked")}
	if _, err := choose(t, b, `{"backup_date":"2026-11-22"}`); err != nil {
		t.Errorf("a day needs the daily tier alone: %v", err)
	}
}

func TestInputsMustSayWhichRunAsks(t *testing.T) {
	good := Backup{Snapshot: archive.Object{VersionID: "v"}, Inventory: archive.Object{VersionID: "v"}}
	for name, tt := range map[string]struct {
		in interface{ Validate() error }
		ok bool
	}{
		"select":                   {SelectInput{Execution: execution}, true},
		"select of nobody":         {SelectInput{}, false},
		"check":                    {CheckInput{ClusterID: "c", Execution: execution}, true},
		"check for a restore":      {CheckInput{ClusterID: "c", Require: Restorable, Execution: execution}, true},
		"check for a backup":       {CheckInput{Require: Leading, Execution: execution}, true},
		"check for sealed":         {CheckInput{ClusterID: "c", Require: "sealed", Execution: execution}, false},
		"check of no cluster":      {CheckInput{Execution: execution}, false},
		"check of nobody":          {CheckInput{ClusterID: "c"}, false},
		"seed":                     {SeedInput{Backup: good, Node: "n", Execution: execution}, true},
		"seed without a node":      {SeedInput{Backup: good, Execution: execution}, false},
		"seed without a snapshot":  {SeedInput{Node: "n", Execution: execution}, false},
		"seed of nobody":           {SeedInput{Backup: good, Node: "n"}, false},
		"unseal":                   {UnsealInput{Execution: execution}, true},
		"unseal of nobody":         {UnsealInput{}, false},
		"verify":                   {VerifyInput{Backup: good, Execution: execution}, true},
		"verify without inventory": {VerifyInput{Execution: execution}, false},
		"verify of nobody":         {VerifyInput{Backup: good}, false},
	} {
		if err := tt.in.Validate(); (err == nil) != tt.ok {
			t.Errorf("%s: Validate = %v", name, err)
		}
	}
}

// alone answers with what stands in the way of a restore; nil for nothing.
type alone struct{ err error }

func (a alone) Alone(context.Context, task.Execution) error { return a.err }

// Of two restores the younger stops; a plan is in nobody's way.
func TestSelectIsOneAtATime(t *testing.T) {
	s := Selector{Archive: full(t), Others: alone{fault.RestoreUnderway.Tellf("another runs")}}
	_, err := s.Select(t.Context(), SelectInput{Input: json.RawMessage(`{"backup_date":"latest"}`), Execution: execution})
	wantFault(t, "a second restore", err, fault.RestoreUnderway)
	_, err = s.Select(t.Context(), SelectInput{Input: json.RawMessage(`{"backup_date":"latest","mode":"plan"}`), Execution: execution})
	if err != nil {
		t.Errorf("a plan meanwhile: %v", err)
	}
}
