package restore

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

// The node is the index of the one that is named, -1 for none; then come the faults where Vault must be restorable, and
// where a node must lead.
func TestCheck(t *testing.T) {
	for states, tt := range map[string]struct {
		want       State
		node       int
		restorable fault.Name
		leading    fault.Name
	}{
		"uninitialized":                       {Empty, 0, "", fault.VaultUninitialized},
		"down uninitialized down":             {Empty, 1, "", fault.VaultUninitialized},
		"uninitialized uninitialized":         {SeveralEmpty, -1, fault.NotASingleEmptyNode, fault.VaultUninitialized},
		"uninitialized down uninitialized":    {SeveralEmpty, -1, fault.NotASingleEmptyNode, fault.VaultUninitialized},
		"sealed":                              {Sealed, 0, "", fault.VaultSealed},
		"uninitialized sealed":                {Sealed, 1, "", fault.VaultSealed},
		"uninitialized uninitialized sealed":  {Sealed, 2, "", fault.VaultSealed},
		"removed sealed":                      {Sealed, 1, "", fault.VaultSealed},
		"removed active":                      {Restored, 1, "", ""},
		"standby":                             {Leaderless, -1, fault.NoLeader, fault.NoLeader},
		"standby sealed uninitialized":        {Sealed, 1, "", fault.VaultSealed},
		"active":                              {Restored, 0, "", ""},
		"uninitialized active sealed standby": {Restored, 1, "", ""},
		"down active":                         {Restored, 1, "", ""},
		"down":                                {Unreachable, -1, fault.VaultUnreachable, fault.VaultUnreachable},
		"down down down":                      {Unreachable, -1, fault.VaultUnreachable, fault.VaultUnreachable},
	} {
		there := vaulttest.StartAll(t, strings.Fields(states)...)
		checker := Checker{Cluster: open(t, there...)}
		in := CheckInput{ClusterID: vaulttest.ClusterID, Checks: 6, Execution: execution}
		want := Vault{State: tt.want, Checks: 7}
		if tt.node >= 0 {
			want.Node = there[tt.node].URL
		}
		for i, state := range strings.Fields(states) {
			if state == "down" {
				state = "unreachable"
			}
			want.Nodes = append(want.Nodes, NodeStatus{there[i].URL, vault.State(state)})
		}
		got, err := checker.Check(t.Context(), in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: Check = %+v, %v, want %+v", states, got, err, want)
		}

		for required, refused := range map[Requirement]fault.Name{Restorable: tt.restorable, Leading: tt.leading} {
			in.Require = required
			got, err := checker.Check(t.Context(), in)
			if refused == "" {
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s, to be %s: Check = %+v, %v", states, required, got, err)
				}
				continue
			}
			wantFault(t, fmt.Sprintf("%s, to be %s", states, required), err, refused)
			for _, n := range want.Nodes {
				if err != nil && !strings.Contains(public(err), n.Address+" is "+string(n.State)) {
					t.Errorf("%s: told %q", states, public(err))
				}
			}
		}
		for _, n := range there {
			if sent := n.Mutations(); len(sent) != 0 {
				t.Errorf("%s: a check sent %v", states, sent)
			}
		}
	}
}

// A Vault that leads is the restored one only under the identity of the backup.
func TestCheckTellsTheClusterOfTheBackup(t *testing.T) {
	there := vaulttest.StartAll(t, "active")
	in := CheckInput{ClusterID: "the backup's", Execution: execution}
	got, err := Checker{Cluster: open(t, there...)}.Check(t.Context(), in)
	if err != nil || got.State != Active || got.Node != there[0].URL || got.Checks != 1 {
		t.Errorf("another cluster: %+v, %v", got, err)
	}
	there[0].Be("sealed") // has no identity to tell
	in.Require = ""
	if got, err := (Checker{Cluster: open(t, there...)}).Check(t.Context(), in); err != nil || got.State != Sealed {
		t.Errorf("sealed: %+v, %v", got, err)
	}
}

// Nothing opens a node that another Vault has sent away, so no runbook waits for it, whatever it needs Vault for.
func TestCheckDoesNotWaitForARemovedNode(t *testing.T) {
	for _, states := range []string{"removed", "down removed", "removed uninitialized"} {
		checker := Checker{Cluster: open(t, vaulttest.StartAll(t, strings.Fields(states)...)...)}
		for _, required := range []Requirement{"", Restorable, Leading} {
			_, err := checker.Check(t.Context(), CheckInput{Require: required, ClusterID: vaulttest.ClusterID, Execution: execution})
			wantFault(t, fmt.Sprintf("%s, to be %q", states, required), err, fault.VaultRemoved)
		}
	}
}
