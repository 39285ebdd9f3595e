package server_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// What a recovery's user-data asks for: a unit, a volume at /mailu, and a marker when everything has worked.
func TestFirstBoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.spec.VolumeID = w.volume("fsn1")
	id := strconv.FormatInt(w.spec.VolumeID, 10)
	w.spec.UserData = secret.New(w.spec.UserData.Reveal() + `
mounts: [["/dev/disk/by-id/scsi-0HC_Volume_` + id + `", /mailu, auto, "defaults,discard,nofail", "0", "0"]]
write_files: [{path: /etc/systemd/system/own.service, permissions: "0640", content: "[Unit]\n"}]
runcmd:
  - mountpoint /mailu && systemctl daemon-reload && systemctl enable --now docker && systemctl enable --now own && install -d -m 0700 /mailu /var/lib/own && echo once >> /var/lib/own/prepared
  - [touch, relative to home]
`)
	s := w.running()
	dir := w.provider.Servers()[0].Dir
	marker := filepath.Join(dir, "var/lib/own/prepared")
	w.eventually("the first boot is over", func() bool { _, err := os.Stat(filepath.Join(dir, "relative to home")); return err == nil })
	if _, err := os.Stat(marker); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "var/log/cloud-init-output.log"))
		t.Fatalf("%v: %s", err, log)
	}
	if info, err := os.Stat(filepath.Join(dir, "etc/systemd/system/own.service")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the unit: %v, %v", info, err)
	}
	w.run(w.login(s), "echo mail > /mailu/box")
	if text, err := os.ReadFile(filepath.Join(dir, "mnt/HC_Volume_"+id, "box")); err != nil || string(text) != "mail\n" {
		t.Errorf("the volume holds %q, %v", text, err)
	}
	if err := w.client.Reboot(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	w.until(s.ID, vps.Running)
	if text, err := os.ReadFile(marker); err != nil || string(text) != "once\n" {
		t.Errorf("after another boot: %q, %v", text, err)
	}
}

// Without its volume a server boots, and does not pass for prepared.
func TestFirstBootWithoutItsVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.spec.UserData = secret.New(w.spec.UserData.Reveal() + `
mounts: [[/dev/disk/by-id/scsi-0HC_Volume_7, /mailu]]
runcmd: ["mountpoint /mailu && touch prepared", touch over]
`)
	w.running()
	dir := w.provider.Servers()[0].Dir
	w.eventually("the first boot is over", func() bool { _, err := os.Stat(filepath.Join(dir, "over")); return err == nil })
	if _, err := os.Stat(filepath.Join(dir, "prepared")); err == nil {
		t.Error("it passes for prepared")
	}
}

// A first boot that never ends does not outlive the power.
func TestFirstBootIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.spec.UserData = secret.New(w.spec.UserData.Reveal() + "\nruncmd: [\"touch began; sleep 300\", touch over]\n")
	s := w.running()
	dir := w.provider.Servers()[0].Dir
	w.eventually("the first boot has begun", func() bool { _, err := os.Stat(filepath.Join(dir, "began")); return err == nil })
	if err := (server.Control{URL: w.provider.ControlURL()}).Crash(t.Context(), s.ID, true); err != nil {
		t.Fatal(err)
	}
	if left := processesOf(t, dir); len(left) != 0 {
		t.Errorf("processes %v survived", left)
	}
	if _, err := os.Stat(filepath.Join(dir, "over")); err == nil {
		t.Error("it went on")
	}
}
